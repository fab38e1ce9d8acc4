package testkit

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// DropSilently makes a connection through the router, from which on the router
// drops all of it without a word, and lets the client write until its own time
// limit ends the connection: nobody sends a RST. It returns the two ends.
func (l *Lab) DropSilently(s Scene) (client, server netip.AddrPort, err error) {
	r := &run{lab: l, scene: s, n: 1, kind: "drop-silently"}
	r.client, r.server = l.ends(s)
	defer func() {
		for i := len(r.undo) - 1; i >= 0; i-- {
			err = errors.Join(err, r.undo[i]())
		}
	}()
	if err := r.count(); err != nil {
		return client, server, err
	}
	c, held, err := r.connect()
	if err != nil {
		return client, server, err
	}
	defer c.vanish()
	defer held.vanish()
	if err := c.setInt(unix.TCP_USER_TIMEOUT, 500); err != nil {
		return client, server, err
	}
	for _, f := range []filter{{dstPort: held.local.Port()}, {srcPort: held.local.Port()}} {
		f.hook = nftables.ChainHookForward
		if err := r.block(l.Router, f); err != nil {
			return client, server, err
		}
	}
	if err := c.write([]byte("into the void")); err != nil {
		return client, server, fmt.Errorf("writing: %w", err)
	}
	got, err := c.awaitError()
	if err == nil && got != unix.ETIMEDOUT {
		err = fmt.Errorf("the client bears %v, expected a time-out", got)
	}
	if err != nil {
		return client, server, err
	}
	return c.local, held.local, errors.Join(r.awaitSent(r.client.node, 0), r.awaitSent(r.server.node, 0))
}
