// Package present is how records look to people: lines, colours, columns. What
// it prints is for reading; JSON is the interface.
//
// Names of processes and payloads may be an attacker's, so everything that is
// printed here first loses its control, escape and bidirectional characters.
package present
