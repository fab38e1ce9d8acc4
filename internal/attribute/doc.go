// Package attribute gives a reset its verdict: who sent it, why, how sure that
// is and on what evidence.
//
// The rule base is tables of rows, in order of precedence (order.go); the first
// row that holds is the verdict. A row names its sender and cause, how sure both
// are, the clues that must hold, the clues that add to them where they hold, and
// the clues that speak against it. A clue is a documented fact together with a
// test on the Case; what held becomes the record's evidence. Each cause has a
// file of its own, cause_NAME.go, with its rows and its words for people.
//
// Certain is said only where nothing that is known could make it otherwise.
// Where the clues do not decide, the verdict is unknown: a cause that is guessed
// is worse than none.
package attribute
