// Package ends joins two captures of the same connections, one from each end:
// which address is at which end, how far apart the two clocks are, and of each
// RST whether it was sent there, and seen to arrive here.
package ends
