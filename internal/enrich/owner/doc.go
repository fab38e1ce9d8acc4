// Package owner finds the process that holds a socket of which only the number
// is known, by looking for it among the open files of processes.
//
// A host may have hundreds of thousands of those, so the work is bounded: so
// many files a second and no more, first those of processes that are likely to
// hold it. What was met on the way is remembered for a while: a socket whose
// owner has just exited is named by that.
package owner
