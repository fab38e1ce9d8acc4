package recall

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestTracked: a RST that bears the address which a translation hides answers
// what was not translated; one as it came, or of a connection of its own, does not.
func TestTracked(t *testing.T) {
	tuple := func(src, dst reset.Endpoint) reset.Tuple { return reset.Tuple{Src: src, Dst: dst} }
	service := &reset.NAT{Original: tuple(client, other), Reply: tuple(server, client)}
	masquerade := &reset.NAT{Original: tuple(other, server), Reply: tuple(server, client)}
	invalid := func(t *told) { t.Trigger.Conntrack = "INVALID" }
	established := func(t *told) { t.Trigger.Conntrack = "ESTABLISHED" }
	bare := func(t *told) { t.Packet.Flags, t.Packet.Window = reset.RST, reset.Some[uint16](0) }
	logged := func(t *told) { t.Sources = reset.SourceSet(0).With(reset.KLog) }
	answer := reply(reset.ACK|reset.PSH, 1, 100)
	for _, tt := range []struct {
		name string
		told told
		nat  *reset.NAT
		want bool
	}{
		{"passes to the server itself", at(0, reset.Forward, client, server, bare), service, true},
		{"passes as it should", at(0, reset.Forward, client, other, bare), service, false},
		{"the other end's passes", at(0, reset.Forward, server, client, bare), service, false},
		{"an abort passes", at(0, reset.Forward, client, server), service, false},
		{"a rule's log saw it, behind the translation", at(0, reset.Forward, client, server, bare, logged), service, false},
		{"nothing is known", at(0, reset.Forward, client, server, bare), nil, false},
		{"received", at(0, reset.In, client, server, bare, accepted), service, false},
		{"answered by who masquerades", at(0, reset.Out, client, server, answer, invalid), masquerade, true},
		{"answered, and it was translated", at(0, reset.Out, client, server, answer, established), masquerade, false},
		{"answered, and conntrack is not asked", at(0, reset.Out, client, server, answer), masquerade, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.Tracked = func(*reset.Reset) *reset.NAT { return tt.nat }
			got := runWith(t, cfg, []told{tt.told}, inOrder(1))[idOf(0)]
			if said := got.After.Tracked != nil; said != tt.want || said != (got.Cause == reset.UntranslatedReply) {
				t.Errorf("tracked %v (%s), want %v", got.After.Tracked, got.Cause, tt.want)
			}
		})
	}
}

// TestAddressCame: only of an answer to a connection under way that nobody knows
// is it asked since when the address is here.
func TestAddressCame(t *testing.T) {
	stray := reply(reset.ACK|reset.PSH, 1, 100)
	for _, tt := range []struct {
		name string
		told told
		want bool
	}{
		{"stray data", at(0, reset.Out, server, client, stray), true},
		{"a stray SYN+ACK", at(0, reset.Out, server, client, reply(reset.SYN|reset.ACK, 1, 40)), false},
		{"of a connection that was here", at(0, reset.Out, server, client, stray, func(t *told) { t.know().Past.Known = true }), false},
		{"an abort", at(0, reset.Out, server, client, aborted(7)), false},
		{"received", at(0, reset.In, client, server, accepted), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.AddressCame = func(*reset.Reset) (int64, bool) { return 40e9, true }
			got := runWith(t, cfg, []told{tt.told}, inOrder(1))[idOf(0)]
			if got.After.AddressNS.OK != tt.want || tt.want != (got.Cause == reset.WrongHost) {
				t.Errorf("came %v (%s), want %v", got.After.AddressNS, got.Cause, tt.want)
			}
		})
	}
}
