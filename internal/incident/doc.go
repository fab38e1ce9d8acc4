// Package incident makes few incidents of many resets: those that hang together
// by their links (what caused what, the two ends of one packet), and those that
// one event brought about in one burst (a process that closed or died, a port on
// which nobody listened, a device that forgot).
//
// It reads resets in about the order of their time, each in its last revision, in
// one pass and with bounded memory.
package incident
