// Package bench measures what watching costs and what is recorded: rstwatch
// beside nothing and beside what people use instead, on one pair of namespaces
// and with the same traffic.
//
// Nothing here asserts a time. Every figure is a ratio or a difference within
// one run, of rounds that take turns, since the speed of a machine changes by
// the minute. `make bench` runs it all and writes the tables of
// docs/explanation/measurements.md; `make test` runs each measurement once with
// tiny counts, so that none rots.
package bench
