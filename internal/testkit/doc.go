// Package testkit is the laboratory that rstwatch is proved in: it builds
// network namespaces, makes real TCP resets of every kind in them, and knows
// exactly which resets those are.
//
// A Lab is a client, a router and a server, each a network namespace of its
// own, joined by veth pairs; on demand also a bridge between client and
// server, and namespaces born while something is watching. A Maker makes
// resets of one kind, for example by closing a socket with unread data, and
// returns an Expect for every record that a complete watcher must have: one
// per RST, namespace and direction. What it returns comes from what it did
// (the ports it bound, the sequence numbers it crafted), never from watching.
// Compare holds what a sensor recorded against that, one by one.
//
// The package is for tests alone. It needs root, touches only namespaces that
// it made, and leaves none behind.
package testkit
