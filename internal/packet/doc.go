// Package packet reads the headers of one TCP segment: from the IP header on,
// and, where it was captured, the link layer's header before it.
//
// It stands in the path of every reset, so it allocates nothing: options and
// link-layer addresses are slices of the input, which the caller must then not
// overwrite. What it reads is hostile: every length is checked against what
// was captured and against the lengths that enclose it.
package packet
