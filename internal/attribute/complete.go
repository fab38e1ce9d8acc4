package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// Complete fills what follows from the rest of a record and is therefore not
// stored with it: the hashes that both ends compute alike, and the sentence.
func Complete(r *reset.Reset) {
	if r.Flow == 0 {
		r.Flow = reset.FlowHash(r.Src, r.Dst)
	}
	if r.Pkt == 0 {
		r.Pkt = reset.PktHash(r.Src, r.Dst, r.Packet.Seq)
	}
	if r.PacketID == 0 {
		r.PacketID = reset.PacketHash(r.Src, r.Dst, &r.Packet)
	}
	if r.Summary == "" {
		r.Summary = Summary(r)
	}
}
