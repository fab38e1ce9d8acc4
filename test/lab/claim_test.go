package lab

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestClaim sends RSTs that say why: the record has what they say, as evidence
// too, and their payload only by choice.
func TestClaim(t *testing.T) {
	const text = "tunnel is full"
	for _, keep := range []string{"false", "true"} {
		t.Run("keep_payload="+keep, func(t *testing.T) {
			lab := testkit.NewLab(t)
			p := newPlace(t)
			p.configure(t, "[capture]\nkeep_payload = "+keep+"\n")
			d := start(t, p, only(lab.Client)...)
			rst := testkit.Segment{
				Src: netip.MustParseAddrPort("10.77.2.2:443"), Dst: netip.MustParseAddrPort("10.77.1.2:40000"),
				Seq: 7, Flags: reset.RST, Payload: []byte(text), IPID: 9,
			}
			if err := lab.Server.InjectRaw(rst.Bytes()); err != nil {
				t.Fatal(err)
			}
			until(t, "the record", func() bool { return len(p.resets(t)) == 1 })
			d.stop()
			r := p.resets(t)[0]
			if !strings.Contains(r.Claim, text) {
				t.Errorf("the claim is %q", r.Claim)
			}
			if got := bytes.Contains(r.Packet.Raw, []byte(text)); got != (keep == "true") {
				t.Errorf("the record has the payload: %v", got)
			}
			if !slices.ContainsFunc(r.Evidence, func(e reset.Evidence) bool { return e.Fact == "claim" }) {
				t.Errorf("the evidence does not name it: %+v", r.Evidence)
			}
		})
	}
}
