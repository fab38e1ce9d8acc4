// Package deploy puts the files of a classic set-up where they belong, loads
// its rules and starts what needs starting, and undoes that.
//
// It works as internal/install does: Plan looks at the machine and lists what
// would change, Apply makes the changes, and what is already as it should be is
// not in the list. There is no record of an install: each file says in a line of
// its own that it is ours and whether it is still as we wrote it, so a removal
// takes away nothing else.
package deploy
