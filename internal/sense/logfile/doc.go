// Package logfile reads the resets out of files in which a kernel's LOG target
// wrote them down: what a classic set-up has left.
//
// A file is known by what it holds, not by its name: lines of a syslog daemon
// (RFC 3164, RFC 5424, or with an ISO time), of dmesg in its forms and of
// /dev/kmsg, journald's export format and JSON, ulogd's LOGEMU and JSON; plain,
// or compressed with gzip, zstd or bzip2. Rotated files of one log are read as
// one, the oldest first. What is whole is read; what is not is counted and named
// by file and line.
//
// # Times
//
// The heads of RFC 3164 bear neither year nor zone. The year is the latest that
// fits the order of the lines, the date in the file's name or the time at which
// it was written last; the zone is chosen, or this host's. Seconds since boot
// need the time of the boot; without it a reset has no time.
//
// # Identity
//
// An id is a hash of the line's text and its time. Of equal lines in one second
// the second, third and so on are told apart by their count within the log. So
// the same line has the same id in a rotated, compressed or copied file.
//
// # What it believes
//
// A line counts as the kernel's where the head says so. Where a log names the
// programs that wrote, lines of others than "kernel" are passed over; in one that
// names none, as LOGEMU, all look alike.
package logfile
