package classic

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// witness receives by NFLOG the packets that LOG rules log: the kernel's bytes
// and devices, without the words.
type witness struct {
	conn    *netlink.Conn
	devices map[uint32]string
}

const nflogGroup = 77

// The parts of linux/netfilter/nfnetlink_log.h that are used here.
const (
	logConfig      = unix.NFNL_SUBSYS_ULOG<<8 | 1
	configCommand  = 1
	configMode     = 2
	attrHeader     = 1
	attrMark       = 2
	attrIn         = 4
	attrOut        = 5
	attrPhysIn     = 6
	attrPhysOut    = 7
	attrPayload    = 9
	attrUID        = 11
	attrGID        = 14
	attrLinkHeader = 16
)

func newWitness(t *testing.T, n *testkit.Node) *witness {
	t.Helper()
	w := &witness{devices: make(map[uint32]string)}
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: n.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	w.conn = conn
	if err := n.Do(func() error {
		links, err := net.Interfaces()
		for _, link := range links {
			w.devices[uint32(link.Index)] = link.Name
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	w.configure(t, netlink.Attribute{Type: configCommand, Data: []byte{1}})                 // bind
	w.configure(t, netlink.Attribute{Type: configMode, Data: []byte{0, 0, 255, 255, 2, 0}}) // whole packets
	return w
}

func (w *witness) configure(t *testing.T, a netlink.Attribute) {
	t.Helper()
	data, err := netlink.MarshalAttributes([]netlink.Attribute{a})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: logConfig, Flags: netlink.Request | netlink.Acknowledge},
		Data:   append([]byte{0, 0, nflogGroup >> 8, nflogGroup & 0xff}, data...),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// next returns the next n packets as records.
func (w *witness) next(t *testing.T, n int) []*reset.Reset {
	t.Helper()
	var all []*reset.Reset
	for len(all) < n {
		if err := w.conn.SetReadDeadline(time.Now().Add(3 * time.Second)); err != nil {
			t.Fatal(err)
		}
		messages, err := w.conn.Receive()
		if err != nil {
			t.Fatalf("waiting for packet %d of %d: %v", len(all)+1, n, err)
		}
		for _, m := range messages {
			if m.Header.Type == unix.NFNL_SUBSYS_ULOG<<8 {
				all = append(all, w.record(t, m.Data[4:]))
			}
		}
	}
	return all
}

func (w *witness) record(t *testing.T, data []byte) *reset.Reset {
	t.Helper()
	attributes, err := netlink.UnmarshalAttributes(data)
	if err != nil {
		t.Fatal(err)
	}
	r := &reset.Reset{}
	owner := &reset.Process{}
	for _, a := range attributes {
		number := func() uint32 { return binary.BigEndian.Uint32(a.Data) }
		switch a.Type {
		case attrHeader:
			r.Direction = map[byte]reset.Direction{1: reset.In, 2: reset.Forward, 3: reset.Out}[a.Data[2]]
		case attrMark:
			r.Packet.Mark = reset.Some(number())
		case attrIn:
			r.Interface.In = w.devices[number()]
		case attrOut:
			r.Interface.Out = w.devices[number()]
		case attrPhysIn:
			r.Interface.PhysIn = w.devices[number()]
		case attrPhysOut:
			r.Interface.PhysOut = w.devices[number()]
		case attrPayload:
			r.Packet.Raw = a.Data
		case attrLinkHeader:
			r.Packet.LinkHeader = a.Data
		case attrUID:
			owner.UID = reset.Some(number())
		case attrGID:
			owner.GID = reset.Some(number())
		}
	}
	if owner.UID.OK {
		r.Process = owner
	}
	return r
}
