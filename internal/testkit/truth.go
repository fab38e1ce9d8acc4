package testkit

import (
	"slices"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// View is how much a watcher sees.
type View uint8

// The views. Together watches every namespace of the lab as one host; Alone
// watches the one namespace and knows of no other.
const (
	Together View = iota
	Alone
)

// String is the word that tests and tables use.
func (v View) String() string { return [...]string{"together", "alone"}[v] }

// Sender is the truth.
func (s Seen) Sender() reset.Sender { return s.Senders[0] }

// Cause is the truth.
func (s Seen) Cause() reset.Cause { return s.Causes[0] }

// SenderRight reports whether the verdict's sender is right.
func (s Seen) SenderRight(r *reset.Reset) bool {
	return right(s.Senders, r.Sender, r.Confidence.Sender) || r.Sender == reset.SenderUnknown && !s.Must
}

// CauseRight reports whether the verdict's cause is right. Unknown is so only
// where it is one of the words.
func (s Seen) CauseRight(r *reset.Reset) bool {
	return right(s.Causes, r.Cause, r.Confidence.Cause)
}

func right[W comparable](words []W, said W, level reset.Level) bool {
	i := slices.Index(words, said)
	return i == 0 || i > 0 && level != reset.Certain
}

// Answer is what a verdict of this record may say in the view.
func (e Expect) Answer(v View) Seen {
	switch {
	case e.Direction == reset.Out:
		return e.done()
	case e.Node == e.From && e.Seen.IsZero():
		return e.done()
	case e.Node == e.From:
		// It left and came back another: whether that shows is the maker's to say.
		a := e.done()
		a.Senders = append(a.Senders, e.Seen.Senders...)
		a.Causes = append(a.Causes, e.Seen.Causes...)
		return a
	}
	if v == Together && !e.Silent {
		// The other end's words are right as well, but for unknown: it is known.
		a := e.done()
		for _, cause := range e.Seen.orElse(e.seenAs).Causes {
			if cause != reset.CauseUnknown {
				a.Causes = append(a.Causes, cause)
			}
		}
		return a
	}
	return e.fromAfar()
}

// done is what the maker did.
func (e Expect) done() Seen {
	a := seen(e.Sender, e.Cause).must()
	a.Senders = append(a.Senders, e.Also.Senders...)
	a.Causes = append(a.Causes, e.Also.Causes...)
	return a
}

// fromAfar is what one may say who sees nothing of the sender but the RST.
func (e Expect) fromAfar() Seen {
	a := e.Seen.orElse(e.seenAs)
	a.Causes = slices.Clone(a.Causes)
	if e.Verdict == reset.Accepted && e.Drop == "NOT_SPECIFIED" {
		// It ended a handshake, as one does who only looks for open ports.
		a.Causes = append(a.Causes, reset.Scan)
	}
	if e.Direction != reset.Forward {
		return a
	}
	// One who passes it on has no socket: its form is all there is, beside what
	// else passed.
	if e.Flags == reset.RST|reset.ACK && e.Seq == reset.Some[uint32](0) {
		a.Causes = append(a.Causes, reset.Refused) // the form of an answer to a SYN
	}
	return Seen{
		Senders: append(slices.Clone(a.Senders), reset.SenderUnknown),
		Causes:  append([]reset.Cause{reset.CauseUnknown}, a.Causes...),
	}
}

func (s Seen) orElse(table func() Seen) Seen {
	if s.IsZero() {
		return table()
	}
	return s
}

// The words for what is done at one end, as the other end may put it.
var (
	byPeer = []reset.Sender{reset.Peer}
	// The peer's host, or something in its name: the form is the same.
	byPeerOrPath = []reset.Sender{reset.Peer, reset.Path, reset.SenderUnknown}
	byPath       = []reset.Sender{reset.Path, reset.Peer, reset.SenderUnknown}

	// A reply of the peer's kernel bears no reason.
	asRefused   = []reset.Cause{reset.Refused}
	asNoneThere = []reset.Cause{reset.PeerNoConnection}
	asAfterward = []reset.Cause{reset.AfterClose, reset.PeerNoConnection, reset.DataAfterClose}
	asAborted   = []reset.Cause{reset.PeerAbort}
	// The end that it is for never asked: nothing of the kind was sent by TCP.
	asUnasked = []reset.Cause{reset.Backscatter, reset.PeerNoConnection, reset.CauseUnknown, reset.Scan}
	// Of no connection, in no form that tells.
	asNothing  = []reset.Cause{reset.CauseUnknown, reset.Backscatter, reset.Forged, reset.PeerNoConnection, reset.PeerAbort, reset.Scan}
	asRejected = []reset.Cause{reset.Refused, reset.FirewallReject}
	asCutOff   = []reset.Cause{reset.FirewallReject, reset.PeerNoConnection, reset.Forged, reset.CauseUnknown}
	asForged   = []reset.Cause{
		reset.Forged, reset.CauseUnknown, reset.PeerAbort, reset.PeerNoConnection, reset.Refused, reset.AfterClose, reset.Backscatter,
		reset.FirewallReject, reset.Scan,
	}
)

// seenAs are the words of the receiving end for what the maker did, where the
// maker does not say otherwise.
func (e Expect) seenAs() Seen {
	unasked := e.Verdict == reset.NoSocket
	switch e.Cause {
	case reset.Injected:
		if e.Borrowed {
			return Seen{Senders: byPath, Causes: asForged, Must: true}
		}
		return Seen{Senders: byPeerOrPath, Causes: asNothing, Must: true}
	case reset.FirewallReject:
		causes := asRejected
		if e.Flags&reset.ACK == 0 {
			causes = asCutOff
		}
		if e.Borrowed {
			return Seen{Senders: byPath, Causes: append([]reset.Cause{reset.FirewallReject}, causes...), Must: true}
		}
		return Seen{Senders: byPeerOrPath, Causes: causes, Must: true}
	}
	if unasked {
		return Seen{Senders: byPeerOrPath, Causes: asUnasked, Must: true}
	}
	switch e.Cause {
	case reset.NoListener:
		return Seen{Senders: byPeer, Causes: asRefused, Must: true}
	case reset.NoConnection, reset.HalfOpen, reset.CloseRace, reset.WrongHost, reset.TupleReused, reset.UntranslatedReply:
		return Seen{Senders: byPeer, Causes: asNoneThere, Must: true}
	case reset.BacklogOverflow, reset.BadAck, reset.BadSyn, reset.StaleTimestamp:
		a := seen(reset.Peer, reset.PeerNoConnection, reset.Refused, reset.Backscatter, reset.CauseUnknown).must()
		if e.Verdict == reset.Dropped {
			return a.or(reset.Path, reset.SenderUnknown) // no socket here is known to it
		}
		return a
	case reset.TimeWait, reset.DataAfterClose:
		return Seen{Senders: byPeer, Causes: asAfterward, Must: true}
	case reset.Linger2:
		return Seen{Senders: byPeer, Causes: []reset.Cause{reset.PeerAbort, reset.AfterClose}, Must: true}
	case reset.KeepaliveTimeout, reset.UserTimeout:
		return Seen{Senders: byPeer, Causes: []reset.Cause{reset.PeerAbort, reset.IdleTimeout, reset.CauseUnknown}, Must: true}
	default:
		return Seen{Senders: byPeer, Causes: asAborted, Must: true}
	}
}
