package attribute

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func TestSentByTheApplication(t *testing.T) {
	linger := withSocket(func(s *reset.SocketFacts) { s.Linger, s.LingerMS = reset.Some(true), reset.Some[int64](0) })
	noLinger := withSocket(func(s *reset.SocketFacts) { s.Linger = reset.Some(false) })
	heldOne := withSocket(func(s *reset.SocketFacts) { s.Orphan = reset.Some(false) })
	orphan := withSocket(func(s *reset.SocketFacts) { s.Orphan = reset.Some(true) })
	unreadBytes := withConnection(func(k *reset.Connection) { k.State, k.Unread = "CLOSE", reset.Some[uint32](300) })
	closeCall := calledBy("__tcp_close", "tcp_close", "inet_release", "sock_close", "__fput")
	signal := ownedBy(reset.Process{Comm: "mysqld", PID: reset.Some[uint32](7), Exit: &reset.Exit{Signal: "SIGKILL"}})
	left := ownedBy(reset.Process{Comm: "mysqld", PID: reset.Some[uint32](7), Exit: &reset.Exit{Code: reset.Some[int32](0)}})
	runs := ownedBy(reset.Process{Comm: "mysqld", PID: reset.Some[uint32](7)})
	relay := after(func(a *After) { a.RelayedFrom = &Link{AgoNS: 2e6} })
	old := seenBy(reset.TCPSendReset)
	app, kernel := reset.LocalApp, reset.LocalKernel
	out := func(facts ...known) *Case { return caseOf(reset.Out, facts...) }
	checkSituations(t, []situation{
		{"close with unread data", out(saying("TCP_ABORT_ON_CLOSE"), closeCall, unreadBytes, runs), app, certain, reset.UnreadData, certain, reset.LostData},
		{"exit with unread data", out(saying("TCP_ABORT_ON_CLOSE"), calledBy("__tcp_close", "do_exit"), left), app, certain, reset.UnreadData, certain, reset.LostData},
		{"exit, and nothing says how", out(saying("TCP_ABORT_ON_CLOSE"), calledBy("__tcp_close", "do_exit")), app, certain, reset.UnreadData, likely, reset.LostData},
		{"close, and nothing else is known", out(saying("TCP_ABORT_ON_CLOSE")), app, certain, reset.UnreadData, likely, reset.LostData},
		{"unread before 6.12", out(saying("NOT_SPECIFIED"), closeCall, unreadBytes), app, certain, reset.UnreadData, likely, reset.LostData},
		{"unread, no stack, before 6.10", out(old, unreadBytes), app, likely, reset.UnreadData, likely, reset.LostData},
		{"killed with unread data", out(saying("TCP_ABORT_ON_CLOSE"), calledBy("__tcp_close", "do_exit"), unreadBytes, signal), app, certain, reset.ProcessKilled, certain, reset.LostData},
		{"killed with SO_LINGER zero", out(saying("TCP_STATE"), socketIn("CLOSE"), linger, signal), app, certain, reset.ProcessKilled, certain, reset.HarmUnknown},
		{"killed before 6.10", out(old, unreadBytes, signal), app, certain, reset.ProcessKilled, certain, reset.LostData},
		{"killed for memory", out(saying("TCP_ABORT_ON_CLOSE"), ownedBy(reset.Process{Exit: &reset.Exit{OOM: true}})), app, certain, reset.ProcessKilled, certain, 0},
		{"killed listener", out(saying("TCP_STATE"), calledBy("inet_csk_listen_stop", "do_exit"), orphan, signal), app, certain, reset.ProcessKilled, certain, 0},
		{"SO_LINGER zero", out(saying("TCP_STATE"), socketIn("CLOSE"), linger, heldOne, calledBy("tcp_disconnect", "__tcp_close")), app, certain, reset.LingerZero, certain, reset.HarmUnknown},
		{"SO_LINGER zero, no stack", out(saying("TCP_STATE"), socketIn("CLOSE"), linger, heldOne), app, likely, reset.LingerZero, likely, 0},
		{"SO_LINGER zero before 6.12", out(saying("NOT_SPECIFIED"), socketIn("CLOSE"), linger, heldOne), app, likely, reset.LingerZero, likely, 0},
		{"connect to nothing, with SO_LINGER zero", out(saying("TCP_STATE"), socketIn("CLOSE"), linger, heldOne, calledBy("tcp_disconnect", "__inet_stream_connect")), app, certain, reset.Disconnect, certain, 0},
		{"connect to nothing, no stack", out(saying("TCP_STATE"), socketIn("CLOSE"), noLinger, heldOne), app, likely, reset.Disconnect, likely, 0},
		{"disconnect with data", out(saying("TCP_DISCONNECT_WITH_DATA"), socketIn("CLOSE")), app, certain, reset.Disconnect, likely, 0},
		{"listener closed", out(saying("TCP_STATE"), socketIn("CLOSE"), orphan, calledBy("inet_child_forget", "inet_csk_listen_stop", "__tcp_close")), app, certain, reset.ListenerClosed, certain, 0},
		{"listener closed with SO_LINGER zero inherited", out(saying("TCP_STATE"), socketIn("CLOSE"), orphan, linger, calledBy("inet_csk_listen_stop", "__tcp_close")), app, certain, reset.ListenerClosed, certain, 0},
		{"listener closed, no stack", out(saying("TCP_STATE"), socketIn("CLOSE"), orphan), app, likely, reset.ListenerClosed, likely, 0},
		{"listener closed before 6.12", out(saying("NOT_SPECIFIED"), socketIn("CLOSE"), orphan), app, likely, reset.ListenerClosed, likely, 0},
		{"negative TCP_LINGER2", out(saying("TCP_ABORT_ON_LINGER"), socketIn("CLOSE")), app, certain, reset.Linger2, certain, 0},
		{"FIN_WAIT2 ran out", out(saying("TCP_STATE"), socketIn("FIN_WAIT2"), orphan, calledBy("tcp_keepalive_timer", "__run_timers")), kernel, certain, reset.Linger2, certain, 0},
		{"destroyed", out(saying("TCP_STATE"), socketIn("ESTABLISHED"), calledBy("tcp_abort", "tcp_diag_destroy"), ownedBy(reset.Process{By: &reset.Process{Comm: "ss", PID: reset.Some[uint32](9)}})), app, certain, reset.SocketDestroyed, certain, 0},
		{"destroyed, no stack", out(saying("TCP_STATE"), socketIn("ESTABLISHED")), app, likely, reset.SocketDestroyed, likely, 0},
		{"destroyed before 6.12", out(old, socketIn("ESTABLISHED"), calledBy("tcp_abort")), app, certain, reset.SocketDestroyed, certain, 0},
		{"relayed by close", out(saying("TCP_ABORT_ON_CLOSE"), unreadBytes, runs, relay), app, certain, reset.Relayed, likely, reset.LostData},
		{"relayed with SO_LINGER zero", out(saying("TCP_STATE"), socketIn("CLOSE"), linger, calledBy("tcp_disconnect", "__tcp_close"), runs, relay), app, certain, reset.Relayed, likely, 0},
		{"too late to be relayed", out(saying("TCP_ABORT_ON_CLOSE"), closeCall, runs, after(func(a *After) { a.RelayedFrom = &Link{AgoNS: 9e8} })), app, certain, reset.UnreadData, certain, 0},
		{"relayed, by who listened", out(saying("TCP_STATE"), socketIn("CLOSE"), linger, calledBy("tcp_disconnect", "__tcp_close"), runs, after(func(a *After) { a.RelayedFrom = &Link{AgoNS: 2e6, ByListener: true} })), app, certain, reset.Relayed, possible, 0},
		{"killed, whatever was received", out(saying("TCP_ABORT_ON_CLOSE"), signal, relay), app, certain, reset.ProcessKilled, certain, 0},
		{"subflow ended", out(saying("TCP_ABORT_ON_CLOSE"), socketIn("ESTABLISHED"), calledBy("mptcp_do_fastclose"), withSocket(func(s *reset.SocketFacts) { s.Multipath = reset.Some(true) })), app, likely, reset.MPTCP, certain, 0},
	})
}

func TestSentByTheKernel(t *testing.T) {
	kernel := reset.LocalKernel
	out := func(facts ...known) *Case { return caseOf(reset.Out, facts...) }
	old := seenBy(reset.TCPSendReset)
	finSent := withSocket(func(s *reset.SocketFacts) { s.SndNxt = reset.Some[uint32](1001) })
	past := withPast(func(p *reset.Past) {
		p.OpenedAgo, p.ClosedAgo = reset.Some[int64](60e9), reset.Some[int64](9e9)
		p.RcvNxt, p.SndNxt, p.ClosedFrom = reset.Some[uint32](700), reset.Some[uint32](1000), "ESTABLISHED"
	})
	closed := withPast(func(p *reset.Past) {
		p.OpenedAgo, p.FinAgo, p.ClosedAgo = reset.Some[int64](90e9), reset.Some[int64](70e9), reset.Some[int64](9e9)
		p.SndNxt = reset.Some[uint32](1001)
	})
	beside := func(c *Case) {
		c.Context.Beside = reset.Beside{Known: true, State: "ESTABLISHED", SndNxt: reset.Some[uint32](1000)}
	}
	came := after(func(a *After) { a.AddressNS = reset.Some[int64](40e9) })
	tracked := func(t *reset.Trigger) { t.Conntrack = "INVALID" }
	masquerades := after(func(a *After) { a.Tracked = &reset.NAT{} })
	timer := withSocket(func(s *reset.SocketFacts) {
		s.TimeoutHit, s.Probes, s.Keepalive, s.UserTimeoutMS = reset.Some(true), reset.Some[uint8](3), reset.Some(true), reset.Some[uint32](0)
	})
	limit := withSocket(func(s *reset.SocketFacts) { s.Probes, s.UserTimeoutMS = reset.Some[uint8](3), reset.Some[uint32](1500) })
	checkSituations(t, []situation{
		{"no listener", out(saying("NO_SOCKET"), to(reset.SYN)), kernel, certain, reset.NoListener, certain, reset.FailedConnect},
		{"no listener, scanned", out(saying("NO_SOCKET"), to(reset.SYN), after(func(a *After) { a.ScansBySource = 40 })), kernel, certain, reset.NoListener, certain, reset.HarmNone},
		{"no listener, Linux 6.1", out(seenBy(reset.Wire, reset.KfreeSkb), dropping("NO_SOCKET"), to(reset.SYN)), kernel, certain, reset.NoListener, certain, reset.FailedConnect},
		{"stray data", out(saying("NO_SOCKET"), to(toDataFlags, numbered(1, 2))), kernel, certain, reset.NoConnection, likely, reset.HarmUnknown},
		{"stray SYN+ACK", out(saying("NO_SOCKET"), to(reset.SYN|reset.ACK, numbered(1, 2))), kernel, certain, reset.NoConnection, likely, reset.HarmUnknown},
		{"stray data, to an address that came here", out(saying("NO_SOCKET"), to(toDataFlags, numbered(1, 2)), came), kernel, certain, reset.WrongHost, possible, reset.HarmUnknown},
		{"the same at a listener's port", out(saying("TCP_FLAGS"), to(reset.ACK, numbered(1, 2)), socketIn("LISTEN"), came), kernel, certain, reset.WrongHost, possible, 0},
		{"stray SYN+ACK, to an address that came here", out(saying("NO_SOCKET"), to(reset.SYN|reset.ACK, numbered(1, 2)), came), kernel, certain, reset.NoConnection, likely, 0},
		{"half-open, at an address that came here", out(saying("NO_SOCKET"), to(toDataFlags, numbered(700, 1000)), past, came), kernel, certain, reset.HalfOpen, certain, reset.LostData},
		{"half-open, its numbers fit", out(saying("NO_SOCKET"), to(toDataFlags, numbered(700, 1000)), past), kernel, certain, reset.HalfOpen, certain, reset.LostData},
		{"half-open, other numbers", out(saying("NO_SOCKET"), to(toDataFlags, numbered(1<<31, 1<<30)), past), kernel, certain, reset.HalfOpen, likely, reset.LostData},
		{"half-open at a listener's port", out(saying("TCP_FLAGS"), to(reset.ACK, numbered(700, 1000)), past), kernel, certain, reset.HalfOpen, likely, reset.HarmUnknown},
		{"closed for long, then data", out(saying("NO_SOCKET"), to(toDataFlags, numbered(700, 1001)), closed), kernel, certain, reset.DataAfterClose, likely, reset.LostData},
		{"its own SYN, answered too late", out(saying("NO_SOCKET"), to(reset.SYN|reset.ACK, numbered(5, 1000)), withPast(func(p *reset.Past) {
			p.ClosedAgo, p.ClosedFrom, p.SndNxt = reset.Some[int64](1e9), "SYN_SENT", reset.Some[uint32](1000)
		})), kernel, certain, reset.HalfOpen, likely, reset.HarmUnknown},
		{"untranslated, its numbers fit", out(saying("NO_SOCKET"), to(toDataFlags, numbered(9, 990)), beside), kernel, certain, reset.UntranslatedReply, likely, reset.LostData},
		{"untranslated SYN+ACK", out(saying("NO_SOCKET"), to(reset.SYN|reset.ACK, numbered(9, 1001)), func(c *Case) {
			c.Context.Beside = reset.Beside{Known: true, State: "SYN_SENT", SndNxt: reset.Some[uint32](1000)}
		}), kernel, certain, reset.UntranslatedReply, likely, 0},
		{"untranslated, by conntrack's word", out(saying("NO_SOCKET"), to(toDataFlags, numbered(9, 1<<31), tracked), beside), kernel, certain, reset.UntranslatedReply, likely, 0},
		{"another connection beside, and nothing fits", out(saying("NO_SOCKET"), to(toDataFlags, numbered(9, 1<<31)), beside), kernel, certain, reset.NoConnection, likely, 0},
		{"invalid, and no other connection", out(saying("NO_SOCKET"), to(toDataFlags, tracked)), kernel, certain, reset.NoConnection, likely, 0},
		{"untranslated, of a connection from behind this host", out(saying("NO_SOCKET"), to(toDataFlags, numbered(9, 1<<31), tracked), masquerades), kernel, certain, reset.UntranslatedReply, likely, reset.LostData},
		{"of a connection from behind this host, and nobody says untranslated", out(saying("NO_SOCKET"), to(toDataFlags, numbered(9, 1<<31)), masquerades), kernel, certain, reset.NoConnection, likely, 0},
		{"a SYN is never untranslated", out(saying("NO_SOCKET"), to(reset.SYN, tracked), beside), kernel, certain, reset.NoListener, certain, 0},
		{"TIME_WAIT, FIN known to the peer", out(saying("TCP_TIMEWAIT_SOCKET"), to(toDataFlags, numbered(700, 1001)), finSent), kernel, certain, reset.TimeWait, certain, reset.LostData},
		{"TIME_WAIT, nothing known", out(saying("TCP_TIMEWAIT_SOCKET"), to(toDataFlags)), kernel, certain, reset.TimeWait, likely, reset.LostData},
		{"TIME_WAIT, a SYN", out(saying("TCP_TIMEWAIT_SOCKET"), to(reset.SYN)), kernel, certain, reset.TupleReused, likely, 0},
		{"data crossed the FIN", out(saying("TCP_ABORT_ON_DATA"), to(toDataFlags, numbered(700, 1000)), finSent), kernel, certain, reset.CloseRace, certain, reset.LostData},
		{"data crossed the FIN in TIME_WAIT", out(saying("TCP_TIMEWAIT_SOCKET"), to(toDataFlags, numbered(700, 1000)), finSent), kernel, certain, reset.CloseRace, certain, reset.LostData},
		{"FIN sent within a round trip", out(saying("TCP_TIMEWAIT_SOCKET"), to(toDataFlags), withPast(func(p *reset.Past) {
			p.FinAgo, p.RTTUS = reset.Some[int64](30e6), reset.Some[uint32](40000)
		})), kernel, certain, reset.CloseRace, likely, reset.LostData},
		{"FIN sent within a round trip, and known", out(saying("TCP_TIMEWAIT_SOCKET"), to(toDataFlags, numbered(700, 1001)), finSent, withPast(func(p *reset.Past) {
			p.FinAgo, p.RTTUS = reset.Some[int64](30e6), reset.Some[uint32](40000)
		})), kernel, certain, reset.TimeWait, certain, reset.LostData},
		{"data after the FIN was known", out(saying("TCP_ABORT_ON_DATA"), to(toDataFlags, numbered(700, 1001)), finSent), kernel, certain, reset.DataAfterClose, certain, reset.LostData},
		{"data after close, nothing known", out(saying("TCP_ABORT_ON_DATA"), to(toDataFlags)), kernel, certain, reset.DataAfterClose, likely, reset.LostData},
		{"data after close, Linux 6.1", out(old, socketIn("CLOSE"), to(toDataFlags)), kernel, certain, reset.DataAfterClose, likely, reset.LostData},
		{"close race, Linux 6.1", out(old, socketIn("CLOSE"), to(toDataFlags, numbered(700, 1000)), finSent), kernel, certain, reset.CloseRace, likely, reset.LostData},
		{"TCP_LINGER2, the FIN acknowledged", out(saying("TCP_ABORT_ON_DATA"), to(reset.ACK, numbered(700, 1001)), finSent, withSocket(func(s *reset.SocketFacts) { s.Linger2 = reset.Some[int32](-1) })), kernel, certain, reset.Linger2, likely, 0},
		{"queue full", out(saying("INVALID_SYN"), dropping("TCP_LISTEN_OVERFLOW"), to(reset.ACK)), kernel, certain, reset.BacklogOverflow, certain, reset.FailedConnect},
		{"queue full, no word of the drop", out(saying("INVALID_SYN"), to(toDataFlags)), kernel, certain, reset.BacklogOverflow, likely, reset.FailedConnect},
		{"bad SYN", out(saying("INVALID_SYN"), to(reset.SYN)), kernel, certain, reset.BadSyn, certain, reset.FailedConnect},
		{"bad ACK to a SYN", out(saying("TCP_INVALID_ACK_SEQUENCE"), socketIn("SYN_SENT"), to(reset.SYN|reset.ACK)), kernel, certain, reset.BadAck, certain, 0},
		{"bare ACK to a listener", out(saying("TCP_FLAGS"), socketIn("LISTEN"), to(reset.ACK)), kernel, certain, reset.BadAck, likely, 0},
		{"bad ACK, Linux 6.1", out(old, socketIn("SYN_SENT"), to(reset.SYN|reset.ACK)), kernel, certain, reset.BadAck, likely, 0},
		{"old connection of that tuple", out(saying("TCP_INVALID_ACK_SEQUENCE"), socketIn("SYN_SENT"), to(reset.ACK)), kernel, certain, reset.TupleReused, likely, 0},
		{"old connection, Linux 6.1", out(old, socketIn("SYN_SENT"), to(reset.ACK)), kernel, certain, reset.TupleReused, likely, 0},
		{"stale timestamp", out(saying("TCP_RFC7323_PAWS"), socketIn("SYN_SENT"), to(reset.SYN|reset.ACK)), kernel, certain, reset.StaleTimestamp, certain, 0},
		{"keepalive", out(saying("TCP_KEEPALIVE_TIMEOUT"), socketIn("ESTABLISHED"), timer), kernel, certain, reset.KeepaliveTimeout, certain, 0},
		{"keepalive, socket not known", out(saying("TCP_KEEPALIVE_TIMEOUT")), kernel, certain, reset.KeepaliveTimeout, likely, 0},
		{"keepalive, Linux 6.1", out(old, socketIn("ESTABLISHED"), timer), kernel, likely, reset.KeepaliveTimeout, likely, 0},
		{"keepalive by its stack, Linux 6.1", out(old, socketIn("ESTABLISHED"), timer, calledBy("tcp_keepalive_timer")), kernel, certain, reset.KeepaliveTimeout, certain, 0},
		{"user timeout", out(saying("TCP_KEEPALIVE_TIMEOUT"), socketIn("ESTABLISHED"), limit), kernel, certain, reset.UserTimeout, certain, 0},
		{"user timeout, Linux 6.1", out(old, socketIn("ESTABLISHED"), limit), kernel, likely, reset.UserTimeout, likely, 0},
		{"out of memory", out(saying("TCP_ABORT_ON_MEMORY")), kernel, certain, reset.OutOfMemory, certain, 0},
		{"out of memory, Linux 6.1", out(old, calledBy("tcp_out_of_resources", "tcp_write_timer")), kernel, certain, reset.OutOfMemory, certain, 0},
		{"bad join", out(saying("MPTCP_RST_EMPTCP"), to(reset.SYN)), kernel, certain, reset.MPTCP, certain, 0},
		{"unknown reason, answering", out(saying("NEW_IN_7_0"), to(reset.ACK)), kernel, certain, reset.CauseUnknown, 0, 0},
		{"answer, Linux 5.10", out(old, socketIn("FIN_WAIT1"), to(reset.ACK)), kernel, certain, reset.CauseUnknown, 0, 0},
	})
}

func TestSentPastTCP(t *testing.T) {
	out := func(facts ...known) *Case { return caseOf(reset.Out, facts...) }
	wire := seenBy(reset.Wire)
	checkSituations(t, []situation{
		{"raw socket", out(wire, answered(reset.OriginRawSocket), oddlyFormed), reset.LocalInject, certain, reset.Injected, certain, 0},
		{"packet socket", out(wire, answered(reset.OriginPacketSocket), bareForm), reset.LocalInject, certain, reset.Injected, certain, 0},
		{"REJECT, by what it dropped", out(wire, answered(reset.OriginNoSocket), bareForm, dropping("NETFILTER_DROP"), to(reset.SYN)), reset.LocalFirewall, certain, reset.FirewallReject, certain, reset.FailedConnect},
		{"REJECT, by having no socket", out(wire, answered(reset.OriginNoSocket), bareForm), reset.LocalFirewall, likely, reset.FirewallReject, likely, 0},
		{"no socket, and no form of REJECT", out(wire, answered(reset.OriginNoSocket), abortingForm), reset.LocalFirewall, possible, reset.FirewallReject, possible, 0},
		{"TCP's reply to a SYN, Linux 5.10", out(wire, answered(reset.OriginTCPControl), refusingForm), reset.LocalKernel, certain, reset.NoListener, likely, 0},
		{"TCP's reply to data, Linux 5.10", out(wire, answered(reset.OriginTCPControl), bareForm), reset.LocalKernel, certain, reset.NoConnection, possible, 0},
		{"TCP's reply in TIME_WAIT, Linux 5.10", out(wire, answered(reset.OriginTCPControl), bareForm, withPast(func(p *reset.Past) {
			p.OpenedAgo, p.FinAgo = reset.Some[int64](9e9), reset.Some[int64](3e9)
		})), reset.LocalKernel, certain, reset.TimeWait, possible, 0},
		{"TCP's reply to a lost connection, Linux 5.10", out(wire, answered(reset.OriginTCPControl), bareForm, withPast(func(p *reset.Past) {
			p.OpenedAgo, p.ClosedAgo, p.SndNxt = reset.Some[int64](9e9), reset.Some[int64](3e9), reset.Some[uint32](5000)
		})), reset.LocalKernel, certain, reset.HalfOpen, likely, 0},
		{"TCP's reply to what crossed the FIN, Linux 5.10", out(wire, answered(reset.OriginTCPControl), bareForm, withPast(func(p *reset.Past) {
			p.OpenedAgo, p.FinAgo, p.SndNxt = reset.Some[int64](9e9), reset.Some[int64](3e9), reset.Some[uint32](5001)
		})), reset.LocalKernel, certain, reset.CloseRace, possible, reset.LostData},
		{"TCP's reply to what was not translated, Linux 5.10", out(wire, answered(reset.OriginTCPControl), bareForm, func(c *Case) {
			c.Context.Beside = reset.Beside{Known: true, SndNxt: reset.Some[uint32](5000)}
		}), reset.LocalKernel, certain, reset.UntranslatedReply, likely, 0},
		{"unread data, of the kernel's own socket", out(saying("TCP_ABORT_ON_CLOSE"), withSocket(func(s *reset.SocketFacts) { s.OfKernel = reset.Some(true) })), reset.LocalApp, possible, reset.UnreadData, likely, 0},
		{"abort, and no word of TCP", out(wire, answered(reset.OriginTCPSocket), abortingForm), reset.LocalApp, likely, reset.CauseUnknown, 0, 0},
		{"abort before 6.10, nothing known", out(seenBy(reset.TCPSendReset), socketIn("CLOSE")), reset.LocalApp, likely, reset.CauseUnknown, 0, 0},
		{"abort before 6.10, alive", out(seenBy(reset.TCPSendReset), socketIn("ESTABLISHED")), reset.LocalApp, possible, reset.CauseUnknown, 0, 0},
		{"form of an abort, by any sensor", out(seenBy(reset.AFPacket), abortingForm), reset.LocalApp, likely, reset.CauseUnknown, 0, 0},
		{"form of a refusal, by any sensor", out(seenBy(reset.AFPacket), refusingForm), reset.LocalKernel, possible, reset.NoListener, possible, 0},
		{"form of a reply, by any sensor", out(seenBy(reset.NFLog), bareForm), reset.LocalKernel, possible, reset.NoConnection, possible, 0},
		{"form of a reply over IPv6, without label", out(seenBy(reset.NFLog), bareForm, overIPv6(0)), reset.LocalFirewall, possible, reset.FirewallReject, possible, 0},
		{"form of a reply over IPv6, with label", out(seenBy(reset.NFLog), bareForm, overIPv6(7)), reset.LocalKernel, possible, reset.NoConnection, possible, 0},
		{"a line without numbers", out(seenBy(reset.KLog), bareForm, func(c *Case) { c.Reset.Packet.Seq = reset.Opt[uint32]{} }), reset.LocalKernel, possible, reset.NoConnection, possible, 0},
		{"nothing at all", out(seenBy(reset.KLog)), reset.SenderUnknown, 0, reset.CauseUnknown, 0, 0},
		{"no form that tells", out(seenBy(reset.AFPacket), oddlyFormed), reset.SenderUnknown, 0, reset.CauseUnknown, 0, 0},
	})
}
