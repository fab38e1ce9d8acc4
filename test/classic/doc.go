// Package classic proves what rstwatch classic writes: the programs that the
// files are for accept them, the rules leave others alone, resets that the
// testkit makes are found in the log once each, and a rotation neither loses a
// line nor leaves the log unprotected.
package classic
