// Package lab proves the whole program: its tests run the real binary as
// daemon and as command in the testkit's namespaces, make resets, and hold
// what it recorded, wrote and said against what they made.
package lab
