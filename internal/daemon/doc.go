// Package daemon wires the parts together and runs them: sensor, joining,
// verdict, journal, and what is derived from the journal. It is the only
// package that knows everyone.
//
//	sensor ─► Pipeline (join, judge, enrich, filter) ─► journal ─► outputs, streams
//
// What stands right of the journal reads the journal, each at its own pace and
// from its own cursor, so that a slow reader never holds up what stands left.
package daemon
