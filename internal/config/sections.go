package config

import "time"

// The comment above each field is the documentation that "config default" prints and that the reference page
// is made of: this file is embedded and read again at run time (document.go). So a comment here speaks to the
// person who writes the file. Tags: toml is the key's name, oneof lists the words that are allowed, min and
// max bound a number.

// Config is every setting of rstwatch, by section. The zero value is not usable: start from Default.
type Config struct {
	Capture Capture `toml:"capture"`
	Journal Journal `toml:"journal"`
	Classic Classic `toml:"classic"`
	JSONLog JSONLog `toml:"json_log"`
	Enrich  Enrich  `toml:"enrich"`
	Serve   Serve   `toml:"serve"`
	Log     Log     `toml:"log"`

	origins map[string]string // where a key's value came from, by "section.key"; absent means default
}

// Capture is what is watched, and how.
type Capture struct {
	// How resets are seen. "auto" takes the first that works: BPF tracepoints with a packet hook ("bpf"), then
	// AF_PACKET ("packet"). "bpf-light" leaves the packet hook out: ordinary packets cost nothing, but resets
	// that TCP itself did not send or accept go unseen. "nflog" adds nftables rules in a table of its own.
	// "klog" follows the kernel's log lines of an existing classic set-up.
	Sensor string `toml:"sensor" oneof:"auto,bpf,bpf-light,packet,nflog,klog"`
	// Which resets are recorded, in the filter language, for example "port 443 and not net 10.0.0.0/8".
	// Empty records every one.
	Filter string `toml:"filter"`
	// An iptables-save file whose LOG rules on RST decide what is recorded and with which prefix. Empty: none.
	Rules string `toml:"rules"`
	// The network namespaces to watch, by name, path or inode number. Empty watches every one.
	NetNS []string `toml:"netns"`
	// How much the kernel may hold that we have not read yet. A power of two.
	RingBytes ByteCount `toml:"ring_bytes" min:"65536" max:"1073741824"`
	// How much of each packet is kept, from its IP header on.
	SnapBytes ByteCount `toml:"snap_bytes" min:"64" max:"65535"`
	// Whether bytes that follow the TCP header are kept too. They may be private.
	KeepPayload bool `toml:"keep_payload"`
	// What the sensor "klog" follows: a log file, "/dev/kmsg" or "journald". Empty tries /dev/kmsg, then journald.
	KlogPath string `toml:"klog_path"`
	// The netlink log group of the sensor "nflog". Another program that uses the same group gets our packets.
	NFLogGroup int `toml:"nflog_group" min:"1" max:"65535"`
	// How often new network namespaces are looked for, and so how long a new one may go unwatched.
	NetNSScan Duration `toml:"netns_scan" min:"10ms" max:"1h"`
	// How long one sighting waits for others of the same reset before it becomes a record.
	JoinWindow Duration `toml:"join_window" min:"1ms" max:"10s"`
}

// Journal is the record itself, on disk.
type Journal struct {
	// The directory of the journal and of everything that is derived from it.
	Dir string `toml:"dir"`
	// How often what was written is forced to the disk: the most that a crash of the machine can cost.
	SyncInterval Duration `toml:"sync_interval" min:"1ms" max:"1h"`
	// A segment that has grown to this size is closed and a new one begun. One is also begun each day.
	SegmentBytes ByteCount `toml:"segment_bytes" min:"1048576" max:"68719476736"`
	// Segments older than this many days are removed. 0: never for their age.
	KeepDays int `toml:"keep_days" min:"0" max:"36500"`
	// At most this many segments are kept. 0: no limit.
	KeepSegments int `toml:"keep_segments" min:"0"`
	// At most this many bytes are kept, oldest removed first. 0: no limit.
	KeepBytes ByteCount `toml:"keep_bytes" min:"0"`
	// Whether closed segments are compressed (zstd).
	Compress bool `toml:"compress"`
	// Whether live files get the append-only attribute (chattr +a), where the file system has it.
	AppendOnly bool `toml:"append_only"`
	// How much is held in memory while the disk is full or broken. What does not fit is lost, and counted.
	HoldBytes ByteCount `toml:"hold_bytes" min:"1048576" max:"17179869184"`
	// Where the heads of the hash chain are also written, so that even root's edits of the journal show:
	// the path of a file, or "syslog". Empty: nowhere else.
	Heads string `toml:"heads"`
	// How often they are written there.
	HeadsInterval Duration `toml:"heads_interval" min:"1s" max:"24h"`
}

// Classic is the log of lines such as the kernel's own LOG target writes.
type Classic struct {
	// The file to write. Empty: no classic log.
	File string `toml:"file"`
	// What each line begins with after the syslog head, as --log-prefix. At most 29 characters, as there.
	Prefix string `toml:"prefix"`
	// The syslog level of the lines, as --log-level. A plain file does not show it: it matters where rules and
	// lines are compared with an iptables set-up.
	Level int `toml:"level" min:"0" max:"7"`
	// Whether SEQ and ACK are written, as --log-tcp-sequence.
	TCPSequence bool `toml:"tcp_sequence"`
	// Whether TCP options are written, as --log-tcp-options.
	TCPOptions bool `toml:"tcp_options"`
	// Whether IP options are written, as --log-ip-options.
	IPOptions bool `toml:"ip_options"`
	// Whether the socket owner's UID and GID are written, as --log-uid.
	UID bool `toml:"uid"`
	// Whether MAC addresses are written as MACSRC, MACDST and MACPROTO, as --log-macdecode.
	MACDecode bool `toml:"macdecode"`
	// How many rotated files are kept. 0: no limit.
	Keep int `toml:"keep" min:"0"`
	// The file is rotated before it grows beyond this. 0: not for its size.
	MaxBytes ByteCount `toml:"max_bytes" min:"0"`
	// Whether the file is rotated each day.
	Daily bool `toml:"daily"`
	// How rotated files are compressed.
	Compress string `toml:"compress" oneof:"gzip,zstd,none"`
	// Whether the live file gets the append-only attribute (chattr +a), where the file system has it.
	AppendOnly bool `toml:"append_only"`
}

// JSONLog is the log of JSON Lines, for grep, jq and log shippers.
type JSONLog struct {
	// The file to write. Empty: no JSON log.
	File string `toml:"file"`
	// How many rotated files are kept. 0: no limit.
	Keep int `toml:"keep" min:"0"`
	// The file is rotated before it grows beyond this. 0: not for its size.
	MaxBytes ByteCount `toml:"max_bytes" min:"0"`
	// Whether the file is rotated each day.
	Daily bool `toml:"daily"`
	// How rotated files are compressed.
	Compress string `toml:"compress" oneof:"gzip,zstd,none"`
	// Whether the live file gets the append-only attribute (chattr +a), where the file system has it.
	AppendOnly bool `toml:"append_only"`
}

// Enrich is what is added to a record that neither the packet nor the socket says. It is looked up in the background:
// what is not known when a reset is first written stands in its last revision, some seconds later.
type Enrich struct {
	// Whether the payload of a reset, where it has one, is read for what its sender says of the reason. The payload
	// itself is kept only with capture.keep_payload; of a text, at most 64 characters stand in the record.
	Claims bool `toml:"claims"`
	// Whether the owner of a socket is sought among the open files of processes where the kernel does not name it.
	// At most 20000 files are read a second, about 3 % of a processor, and only while one is sought.
	Owners bool `toml:"owners"`
	// Whether the container, or else the systemd unit, of the socket's owner is named.
	Containers bool `toml:"containers"`
	// The Unix sockets on which Docker and podman are asked for names and images. What containerd, CRI-O and Docker keep in files
	// is read without asking. Empty: nobody is asked, and no file read.
	RuntimeSockets []string `toml:"runtime_sockets"`
	// Whether the rule that rejected a packet is sought in the rules of its network namespace, nftables' and iptables'.
	Rules bool `toml:"rules"`
	// Whether conntrack is asked how it translates a connection (NAT), in namespaces where it tracks any.
	Translations bool `toml:"translations"`
}

// Serve is what other commands on this host ask the daemon through.
type Serve struct {
	// The Unix socket on which the daemon answers. Empty: none.
	Socket string `toml:"socket"`
	// The group whose members may read from it, besides root. Empty: root alone.
	Group string `toml:"group"`
}

// Log is what the program says about itself, on standard error.
type Log struct {
	// How much is said.
	Level string `toml:"level" oneof:"debug,info,warn,error"`
	// In which form.
	Format string `toml:"format" oneof:"text,json"`
}

// Default returns the settings that hold where no file and no flag says otherwise.
func Default() *Config {
	return &Config{
		Capture: Capture{
			Sensor: "auto", RingBytes: 16 * MiB, SnapBytes: 192,
			NFLogGroup: 7214, NetNSScan: Duration(time.Second), JoinWindow: Duration(50 * time.Millisecond),
		},
		Journal: Journal{
			Dir: "/var/lib/rstwatch", SyncInterval: Duration(time.Second), SegmentBytes: 256 * MiB,
			KeepDays: 30, KeepBytes: 10 * GiB, Compress: true, AppendOnly: true, HoldBytes: 64 * MiB,
			HeadsInterval: Duration(10 * time.Minute),
		},
		Classic: Classic{
			Prefix: "[drds] ", Level: 7, TCPSequence: true, TCPOptions: true, IPOptions: true,
			Keep: 30, Daily: true, Compress: "gzip", AppendOnly: true,
		},
		JSONLog: JSONLog{Keep: 30, Daily: true, Compress: "gzip", AppendOnly: true},
		Enrich: Enrich{
			Claims: true, Owners: true, Containers: true, Rules: true, Translations: true,
			RuntimeSockets: []string{"/var/run/docker.sock", "/run/podman/podman.sock"},
		},
		Serve: Serve{Socket: "/run/rstwatch/rstwatch.sock", Group: "rstwatch"},
		Log:   Log{Level: "info", Format: "text"},
	}
}
