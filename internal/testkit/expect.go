package testkit

import (
	"fmt"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Hooks is a set of the places where a RST shows itself in one namespace.
type Hooks uint8

// The places. A sensor that watches only some of them is held against
// Visible(expects, those).
//
//	Stack   the tracepoint of the TCP stack: tcp_send_reset, tcp_receive_reset or kfree_skb
//	Inet    a netfilter inet hook: LOCAL_IN, LOCAL_OUT or FORWARD
//	Device  a device, as AF_PACKET and TCX see it
//	Bridged a device or netfilter bridge hook of a namespace that only bridges the packet
const (
	Stack Hooks = 1 << iota
	Inet
	Device
	Bridged
)

// Everywhere is a packet of TCP's own that passes every hook.
const Everywhere = Stack | Inet | Device

// Expect is one record that a complete watcher must have: one RST segment as
// one namespace meets it in one direction.
type Expect struct {
	Kind      string // name of the maker
	Node      *Node
	Direction reset.Direction
	Src, Dst  reset.Endpoint // as on the wire; in a router as it came
	// AtStack and AtInet are the addresses at those hooks, where conntrack shows
	// others there; Leaves those with which a router passes the packet on.
	AtStack, AtInet, Leaves Flow

	Flags    reset.Flags
	Count    int // so many equal ones; 0 means 1
	Seq, Ack reset.Opt[uint32]
	Window   reset.Opt[uint16]
	TTL      reset.Opt[uint8] // as this namespace meets it
	Hooks    Hooks            // where it shows itself here
	// Optional marks a packet that a device hands over and the stack does not
	// take (another host's MAC, a foreign VLAN): a record is right, none too.
	Optional bool

	// Sender and Cause are what the maker did, the same in every record of one
	// RST. How much of it a sensor can tell is the sensor's affair.
	Sender reset.Sender
	Cause  reset.Cause
	// Seen is what an observer of this namespace alone may rightly say, where
	// that is not the truth itself: of a RST that came from elsewhere. Where the
	// maker leaves it zero, a table says: see Answer.
	Seen Seen
	// Also are further words that are right where it was sent.
	Also Seen
	// From is the namespace that put the RST on the wire; Borrowed: in the name
	// of another; Silent: past every hook that it has.
	From             *Node
	Borrowed, Silent bool
	// Reason is the enum sk_rst_reason of tcp_send_reset on Linux 6.18, where
	// Direction is out and TCP itself sent it.
	Reason string
	// PID is the process that owned the sender's socket or wrote the packet; 0:
	// the kernel alone.
	PID int
	// Verdict and Drop (enum skb_drop_reason on Linux 6.18) are what the
	// receiving stack does, where Direction is in.
	Verdict reset.Verdict
	Drop    string
}

// String is one line for people.
func (e Expect) String() string {
	return fmt.Sprintf("%s: %s", e.Kind, e.observation())
}

// Times is Count with its default.
func (e Expect) Times() int { return max(e.Count, 1) }

func (e Expect) observation() Observation {
	return Observation{
		Node: e.Node.label(), Direction: e.Direction, Src: e.Src, Dst: e.Dst,
		Flags: e.Flags, Seq: e.Seq, Ack: e.Ack,
	}
}

// Visible returns the expectations that show themselves at one of hooks, with
// the addresses that they have there: those of the device, where it is one of
// them, else of netfilter, else of the stack.
func Visible(expects []Expect, hooks Hooks) []Expect {
	var visible []Expect
	for _, e := range expects {
		at := e.Hooks & hooks
		if at == 0 {
			continue
		}
		switch {
		case at&(Device|Bridged) != 0:
		case at&Inet != 0:
			e.appears(e.AtInet)
		default:
			e.appears(e.AtStack)
		}
		visible = append(visible, e)
	}
	return visible
}

// appears sets the addresses that the RST has where it is seen.
func (e *Expect) appears(at Flow) {
	if at != (Flow{}) {
		e.Src, e.Dst = at.Src, at.Dst
	}
}

// Total is the number of records expected, optional ones not counted.
func Total(expects []Expect) int {
	total := 0
	for _, e := range expects {
		if !e.Optional {
			total += e.Times()
		}
	}
	return total
}
