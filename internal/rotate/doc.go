// Package rotate is a log file that rotates itself: by day, by size, on
// request, and under the hands of an outside logrotate.
//
//	drds-tcp.log                  the live file: O_APPEND, append-only attribute
//	drds-tcp.log-20261122.gz      the lines that began on the 22nd
//	drds-tcp.log-20261122.1.gz    the next file of the same day
//	drds-tcp.log-20261123         being compressed
//	drds-tcp.log-20261123.gz.tmp  … into this, which becomes .gz once it is whole
//
// A line whose Write returned nil stands exactly once in these files, in
// order, whole, whenever the process is killed: nothing is copied and
// truncated, the live file is renamed and a new one is made. (Against a power
// failure a line is safe only once the kernel has written it back.) Files of
// other names are never touched.
//
// A rotation happens at the first write of a new day, or before a write that
// would exceed the size. An empty file is not rotated.
package rotate
