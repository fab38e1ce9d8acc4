// Package write makes the files of a classic set-up: LOG rules for TCP resets,
// a syslog daemon that puts the kernel's lines into a file of their own, and a
// rotation that keeps that file protected.
//
// What it makes stands beside what a host has: chains or a table of its own,
// loaded without flushing anybody's, and files whose first lines say whose they
// are (see Mark). It knows nothing of the host: who puts the files there
// decides about owners and directories.
package write
