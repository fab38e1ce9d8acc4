package flow

// half is how far apart two sequence numbers of one connection can be at most:
// the largest window is 2^30 (RFC 7323, 2.3). What is further apart is not of
// the same stream.
const half = 1 << 30

// beyond is by how much a is after b, negative if it is before.
func beyond(a, b uint32) int32 { return int32(a - b) }

// near reports whether the two can be of one stream.
func near(a, b uint32) bool {
	d := beyond(a, b)
	return d >= -half && d <= half
}

// within reports whether low <= a <= high.
func within(a, low, high uint32) bool { return beyond(a, low) >= 0 && beyond(high, a) >= 0 }
