package check

// Word names a kind of fault. The list is closed; a file says "# rstwatch: meant: WORD, WORD" where one is a choice.
type Word string

// The faults.
const (
	DoesNotLoad       Word = "does-not-load"
	CommentedBroken   Word = "commented-does-not-load"
	HalfExcluded      Word = "half-excluded"
	NoIPv6            Word = "no-ipv6"
	NoForward         Word = "no-forward"
	OneWay            Word = "one-way"
	ReplacesRules     Word = "replaces-rules"
	NoRateLimit       Word = "no-rate-limit"
	ExcessUnsaid      Word = "excess-unsaid"
	NamespacesSilent  Word = "namespaces-silent"
	StartsWith        Word = "starts-with"
	SecondCopy        Word = "second-copy"
	NotTaken          Word = "not-taken"
	RotationNotRead   Word = "rotation-not-read"
	CopyTruncate      Word = "copytruncate"
	ProtectionLost    Word = "protection-lost"
	KeepsOldFile      Word = "keeps-old-file"
	InsecureDirectory Word = "insecure-directory"
)

// Words are all faults, in the order in which the page explains them.
func Words() []Word {
	return []Word{
		DoesNotLoad, CommentedBroken, HalfExcluded, OneWay, NoIPv6, NoForward, ReplacesRules, NoRateLimit, ExcessUnsaid,
		NamespacesSilent, StartsWith, SecondCopy, NotTaken, RotationNotRead, CopyTruncate, ProtectionLost, KeepsOldFile,
		InsecureDirectory,
	}
}

// Why returns why a fault matters.
func Why(word Word) string { return reasons[word] }

var reasons = map[Word]string{
	DoesNotLoad:       "One rule that is refused, and iptables-restore loads none of the table: nothing is logged.",
	CommentedBroken:   "Whoever takes the comment sign away gets a file of which nothing loads.",
	HalfExcluded:      "Of such a connection the log has the resets of one end and not those of the other, so it cannot say who reset it.",
	OneWay:            "Half of the resets are missing, and with them the answer to who sent the first.",
	NoIPv6:            "Resets of IPv6 connections leave no line at all, and \"localhost\" is IPv6 on most machines.",
	NoForward:         "Resets of and to containers, virtual machines and routed hosts pass through FORWARD only.",
	ReplacesRules:     "Every other rule of that table, of a firewall or of Docker for example, is gone once it is loaded.",
	NoRateLimit:       "Each line costs the kernel and the syslog daemon more than the reset itself: a flood of resets slows the host, overruns the kernel's log buffer and fills the disk, and lines are lost without a word.",
	ExcessUnsaid:      "Beyond the rate the log is silent. It then looks as if few resets had passed, when there were most.",
	NamespacesSilent:  "LOG rules inside network namespaces (containers) say nothing, and nothing says that they do not.",
	StartsWith:        "A space or the kernel's time stamp, as in \"[ 1042.337401] \", may stand before the prefix: it depends on settings of the daemon. The test then fails, and the file stays empty.",
	SecondCopy:        "Every line is written again to kern.log, messages or syslog, which costs the disk twice and pushes out what else is there.",
	NotTaken:          "The lines go to the default logs only, among everything else, and are rotated away with it.",
	RotationNotRead:   "logrotate reads /etc/logrotate.d only. Elsewhere the rules do nothing, and the log grows until the disk is full.",
	CopyTruncate:      "A line that arrives once the copy is made and before the file is emptied is in neither; under load there are many.",
	ProtectionLost:    "The log may be changed or emptied from then on, which the append-only attribute was there to forbid.",
	KeepsOldFile:      "The daemon goes on writing to the file that was moved away, which is then compressed or removed under it.",
	InsecureDirectory: "Others may put a file or a link of their own in the log's place, so logrotate skips it with an error: it is never rotated.",
}
