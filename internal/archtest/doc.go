// Package archtest holds the rules of the house as tests: who may import whom, what must be documented, how long a
// file may grow, and what may not be in the tree.
//
// The tests read the source files themselves. One that asks the go command instead has its answer cached while the
// files change. The tables in rules_test.go are the place to change a rule; the reason belongs beside it.
package archtest
