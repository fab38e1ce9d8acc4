package write

import (
	"fmt"
	"strings"
)

// rsyslog tests for the prefix anywhere, since the kernel's time stamp or a space may stand before it, and for the
// kernel's facility, so that a user's message cannot pass for one.
func (s *Setup) rsyslog() string {
	return fmt.Sprintf(`# The kernel's lines about TCP resets, into a file of their own and, by "stop", into no other.
# This file must be read before those that write kern.* or *.*; its name sees to that.
if $syslogfacility == 0 and $msg contains "%s" then {
	action(type="omfile" file="%s" fileOwner="%s" fileGroup="%s" fileCreateMode="0640"
		template="RSYSLOG_TraditionalFileFormat")
	stop
}
`, s.Prefix, s.Path, s.Owner, s.Group)
}

// syslogNG takes the lines from the host's own source, so that "final" can keep them from the default logs. With a
// source of its own for /dev/kmsg those would get theirs all the same.
func (s *Setup) syslogNG() string {
	return fmt.Sprintf(`# The kernel's lines about TCP resets, into a file of their own and, by "final", into no other.
# syslog-ng goes through its log statements in order: include this file before the first one,
#   @include "%s"
# and give the source another name below if syslog-ng.conf has another (RHEL: s_sys).
filter f_rstwatch_classic { facility(kern) and message("%s" type(string) flags(substring)); };
destination d_rstwatch_classic { file("%s" owner("%s") group("%s") perm(0640) create-dirs(no)); };
log { source(%s); filter(f_rstwatch_classic); destination(d_rstwatch_classic); flags(final); };
`, paths[SyslogNG], s.Prefix, s.Path, s.Owner, s.Group, s.Source)
}

// logrotate renames the log and tells the daemon to open a new one, so no line falls into a gap.
// The append-only attribute forbids a rename: it is lifted for the moment of it, and set again by lastaction, which
// logrotate runs whether or not the rotation worked.
func (s *Setup) logrotate(c Choice) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s {\n\tdaily\n\trotate %d\n\tmaxage %d\n\tdateext\n\tdateformat -%%Y%%m%%d\n\tcompress\n", s.Path, s.Days, s.Days)
	b.WriteString("\t# The daemon may still write to the renamed file until it has heard of it.\n\tdelaycompress\n\tmissingok\n\tnotifempty\n")
	fmt.Fprintf(&b, "\tcreate 0640 %s %s\n", s.Owner, s.Group)
	if s.Su != "" {
		fmt.Fprintf(&b, "\tsu root %s\n", s.Su)
	}
	fmt.Fprintf(&b, `	firstaction
		# Rotated files are append-only too, which keeps them from being compressed and removed.
		chattr -f -a %[1]s-* || :
	endscript
	prerotate
		chattr -f -a %[1]s || :
	endscript
	postrotate
%[2]s	endscript
	lastaction
		# Always, also after a rotation that failed.
		chattr -f +a %[1]s %[1]s-* || :
	endscript
}
`, s.Path, hangUp(c.Syslog))
	return b.String()
}

// hangUp tells the daemon to open its files again: through systemd, or by its process number.
func hangUp(daemon Part) string {
	unit, files := "rsyslog.service", "/run/rsyslogd.pid /var/run/syslogd.pid"
	if daemon == SyslogNG {
		unit, files = "syslog-ng.service", "/run/syslog-ng.pid /run/syslog-ng/syslog-ng.pid /var/run/syslog-ng.pid"
	}
	return fmt.Sprintf(`		systemctl kill --kill-who=main --signal=HUP %s 2>/dev/null && exit 0
		for file in %s; do
			if [ -s "$file" ]; then
				kill -HUP "$(cat "$file")"
				exit
			fi
		done
`, unit, files)
}
