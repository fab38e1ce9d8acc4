// Package journal is the durable record: every reset, coverage line and
// control line, in the order in which they were appended, in segment files of
// framed binary blocks.
//
// Writer appends, rotates, compresses and retires segments; one process at a
// time holds a directory. Reader reads it while it is being written, without
// locks, or a copy of it elsewhere. Verify walks the hash chain, List tells
// what is there, Repair copies what is readable to a new directory.
//
// # What is guaranteed
//
// Append encodes a batch and, with BlockInterval 0 (the default), hands it to
// the kernel with write(2) before it returns. So kill -9, at any instant, loses
// no entry of an Append that returned nil. With a BlockInterval above 0, it
// loses at most the entries of that interval, and never more than BlockBytes of
// them. While the disk is full, entries wait in memory, at most HoldBytes of
// them; Append then returns a *StallError, and kill -9 loses those.
//
// Loss of power, or of the kernel, loses at most what was appended since the
// last sync that ended well: SyncInterval (1 s) plus the time that the disk
// takes. With SyncInterval 0 each Append syncs before it returns.
//
// A crash leaves at most one torn end. It is found at the next Open, written
// down as a control entry "recovered" in a new segment, and left as it is:
// nothing is cut off, overwritten or glued on. An intact end is appended to.
//
// An entry is never there twice: a block that could not be written whole is
// written anew in another segment only if the torn part does not decode, which
// its checksum and length decide.
//
// A file is damaged by accident or by hand: the reader skips what does not
// decode, counts it and names file, offset and length. Verify finds casual
// edits by the hash chain; edits by somebody who recomputes the chain only show
// against heads that were kept elsewhere (Deps.Heads).
package journal
