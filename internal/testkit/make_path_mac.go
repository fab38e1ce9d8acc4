package testkit

import (
	"net"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func wrongMACMaker() Maker {
	return Maker{
		Name: "path-wrong-mac", Kernel: "tcp_validate_incoming, tcp_reset", make: makeWrongMAC,
		Scenes: func(s Scene) bool { return s.Route == OverBridge },
	}
}

// makeWrongMAC forges from within the local net: the bridge's namespace sends
// in the server's name, whom the client has as a neighbour under another
// link-layer address.
func makeWrongMAC(r *run) error {
	stranger := net.HardwareAddr{0x02, 0x66, 0x6f, 0x72, 0x67, 0x65}
	return r.onConnection(func(client, _ *sock) error {
		s, err := r.forgedFor(client)
		if err != nil {
			return err
		}
		s.IPID = 0
		to, err := r.client.node.MAC(r.client.device)
		if err != nil {
			return err
		}
		if err := r.lab.Bridge.InjectFrame("p0", frame(to, stranger, nil, s.Bytes()), false); err != nil {
			return err
		}
		shot := r.injected(s, r.server, r.client)
		shot.at, shot.verdict, shot.drop, shot.outHooks = r.lab.Bridge, reset.Accepted, "", Device
		shot.seen = looksForged.must()
		r.sent(shot)
		return client.awaitReset()
	})
}
