package archtest

// everything, in the table below, allows every package of the project except those in testsOnly.
const everything = "*"

// mayImport is the import rule: what a package may import of the project. A folder with "/*" stands for every
// package in it. A package that is not in the table may import internal/reset and internal/clock, the vocabulary
// and the clock that all share: siblings do not know each other, and only the wiring knows everyone.
var mayImport = map[string][]string{
	"cmd/rstwatch":    {everything},
	"internal/daemon": {everything},
	"test/*":          {everything},

	"internal/reset":    {},
	"internal/clock":    {"internal/reset"},
	"internal/packet":   {"internal/reset"},
	"internal/config":   {}, // plain data; the daemon turns it into the packages' own settings
	"internal/rotate":   {}, // bytes into files: it knows nothing of resets
	"internal/install":  {"packaging"},
	"packaging":         {},
	"internal/archtest": {},
	"docs/causes":       {}, // the pages, for the program
	"internal/causes":   {"internal/reset", "docs/causes"},
	"internal/explain":  {"internal/reset", "internal/attribute", "internal/causes", "internal/present", "internal/query"},
	"internal/testkit":  {"internal/reset", "internal/packet", "internal/netns"},

	"internal/classic": {"internal/reset", "internal/packet"},                     // old logs are read back into packets
	"internal/rules":   {"internal/reset", "internal/classic", "internal/packet"}, // a LOG rule carries the options of its lines
	"internal/journal": {"internal/reset", "internal/packet"},                     // what derives from the raw bytes is not stored
	"internal/query":   {"internal/reset", "internal/packet"},                     // a filter is also evaluated on raw packets
	"internal/netns":   {"internal/reset", "internal/clock"},

	"internal/classicsetup/write":  {},                                   // files for other programs: it knows nothing of resets
	"internal/classicsetup/check":  {"internal/reset", "internal/rules"}, // resets are run through the rules
	"internal/classicsetup/deploy": {"internal/classicsetup/write", "internal/install"},

	// A sensor enters namespaces and decodes packets; each may know these two and nothing of the other sensors.
	"internal/sense/*":        {"internal/reset", "internal/clock", "internal/netns", "internal/packet"},
	"internal/sense/firewall": {"internal/reset", "internal/clock", "internal/netns", "internal/packet", "internal/netlink/nflog"},
	"internal/sense/klog":     {"internal/reset", "internal/clock", "internal/netns", "internal/packet", "internal/classic"},
	"internal/sense/logfile":  {"internal/reset", "internal/clock", "internal/classic"},

	// What takes long is asked in the background.
	"internal/enrich/*":           {"internal/reset", "internal/clock", "internal/enrich/lookup", "internal/enrich/cgroup", "internal/enrich/process"},
	"internal/enrich/address":     {"internal/reset", "internal/clock", "internal/enrich/lookup", "internal/netns"},
	"internal/enrich/listener":    {"internal/reset", "internal/attribute", "internal/clock", "internal/enrich/lookup", "internal/netns"},
	"internal/enrich/translation": {"internal/reset", "internal/clock", "internal/enrich/lookup", "internal/netns", "internal/netlink/conntrack"},
	"internal/enrich/rule":        {"internal/reset", "internal/clock", "internal/enrich/lookup", "internal/netns"}, // rules are read where they hold
	"internal/sense/capture":      {"internal/reset", "internal/clock", "internal/packet", "internal/flow"},
	"internal/ends":               {"internal/reset", "internal/packet"}, // it compares segments, as the decoder gives them
	"internal/flow":               {"internal/reset", "internal/packet"}, // it keeps account of segments, as the decoder gives them

	"internal/incident": {"internal/reset", "internal/present"},   // its text is for people
	"internal/recall":   {"internal/reset", "internal/attribute"}, // it judges again
	"internal/present":  {"internal/reset", "internal/clock", "internal/classic", "internal/packet"},
	"internal/serve":    {"internal/reset", "internal/clock", "internal/query", "internal/journal", "internal/attribute"}, // a reader of the journal like any other
}

// testsOnly are packages that only tests may import.
var testsOnly = []string{"internal/testkit", "internal/archtest"}

// fence says where an import from outside of the project may stand.
type fence struct {
	path   string   // the import, or what it begins with
	in     []string // packages, or folders with "/*"; empty is nowhere
	tests  bool     // also in every _test.go file
	reason string
}

// fences holds what may not be imported everywhere. Every module that go.mod requires directly stands here too, so
// that a new one is a decision.
var fences = []fence{
	{"github.com/cilium/ebpf", []string{"internal/sense/kernel", "internal/sense/kernel/*", "test/*"}, false, "one package loads BPF; its tests read the objects"},
	{"github.com/google/nftables", []string{"internal/sense/firewall", "internal/testkit"}, true, "one package writes rules, in a table of its own"},
	{"github.com/mdlayher/netlink", []string{"internal/sense/*", "internal/netlink", "internal/netlink/*", "internal/netns", "internal/enrich/*", "internal/testkit"}, true, "sockets of the kernel belong to those who ask it"},
	{"github.com/mdlayher/packet", []string{"internal/sense/wire"}, true, "one package opens packet sockets"},
	{"github.com/vishvananda/netlink", []string{"internal/testkit", "internal/enrich/*", "internal/netlink"}, true, "links and routes are made in labs only"},
	{"github.com/prometheus/procfs", []string{"internal/enrich/*", "internal/daemon", "internal/testkit"}, true, "counters to audit our own"},
	{"github.com/gopacket/gopacket", []string{"internal/present", "internal/sense/*"}, true, "files of packets; the hot path has a decoder of its own, and this one is its judge in tests"},
	{"github.com/klauspost/compress", []string{"internal/journal", "internal/rotate", "internal/sense/*", "cmd/rstwatch"}, true, "for those who write or read compressed files"},
	{"github.com/pelletier/go-toml/v2", []string{"internal/config"}, true, "one package reads the configuration"},
	{"github.com/spf13/cobra", []string{"cmd/rstwatch"}, false, "the command line ends where the commands end"},
	{"github.com/spf13/pflag", []string{"cmd/rstwatch"}, false, "the flags of the command line"},
	{"github.com/coreos/go-systemd/v22", []string{"internal/daemon", "cmd/rstwatch"}, true, "one process speaks to the service manager"},
	{"github.com/rogpeppe/go-internal", nil, true, "testscript and txtar are for tests"},
	{"github.com/google/go-cmp", []string{"internal/testkit"}, true, "for tests: it panics where it cannot compare"},
	{"pgregory.net/rapid", []string{"internal/testkit"}, true, "for tests"},
	{"go.uber.org/goleak", []string{"internal/testkit"}, true, "for tests"},
	{"golang.org/x/net", []string{"internal/sense/*", "internal/query"}, true, "x/net/bpf assembles socket filters"},
	{"golang.org/x/sync", []string{"internal/daemon", "internal/sense/*", "internal/testkit", "cmd/rstwatch"}, true, "groups of goroutines belong to the wiring"},
	{"golang.org/x/sys", []string{"internal/*", "internal/sense/*", "internal/enrich/*", "cmd/rstwatch", "test/*"}, true, "system calls"},
	{"golang.org/x/term", []string{"cmd/rstwatch"}, false, "is it a terminal, and how wide"},
	{"google.golang.org/protobuf", []string{"internal/journal"}, true, "protowire, the field encoding of journal blocks"},

	{"os/exec", []string{"internal/install", "internal/sense/klog", "internal/testkit", "test/*"}, true, "a watcher starts no programs; installing does, and journalctl is the one reader of journald without cgo"},
	{"testing", []string{"internal/testkit", "test/*"}, true, "it registers flags and does not belong into the program"},
	{"C", nil, false, "the binary is static"},
	{"log", nil, false, "log/slog, with the logger passed in"},
	{"math/rand", nil, false, "math/rand/v2"},
	{"io/ioutil", nil, false, "os and io"},
}

// maxLines bounds the length of a source file that is not a test and not generated.
const maxLines = 450

// longFiles are those that may be longer, each with the reason why it is one thing nevertheless.
var longFiles = map[string]string{}

// forbidden are words that have no place in the tree, in halves so that this file does not bear them: paths of one
// machine's checkout, and traces of how a text came about instead of what it says.
var forbidden = []string{
	"/work/" + "main", "/work/" + "shared", "../sha" + "red/", "/tmp/" + "brief",
	"<<<<" + "<<< ", ">>>>" + ">>> ", "as an AI lang" + "uage model",
}

// licence is in the first line of every file of kernel-side C: the kernel's helpers require GPL-2.0, the rest of the
// project is under Apache-2.0.
const licence = "SPDX-License-Identifier: GPL-2.0 OR Apache-2.0"
