package classic

import "github.com/rstwatch/rstwatch/internal/reset"

// appendFields prints a packet of which only the record's fields are known,
// such as one read from another log. What is unknown is left out.
func appendFields(b []byte, r *reset.Reset, o Options) []byte {
	p := &r.Packet
	if r.Src.IsValid() {
		b = appendAddress(b, "SRC=", r.Src.Addr())
	}
	if r.Dst.IsValid() {
		b = appendAddress(b, "DST=", r.Dst.Addr())
	}
	b = appendKnown(b, "LEN=", p.Length)
	if etherType(r) == typeIPv6 {
		b = appendKnown(b, "TC=", p.TOS)
		b = appendKnown(b, "HOPLIMIT=", p.TTL)
		b = appendKnown(b, "FLOWLBL=", p.FlowLabel)
	} else {
		if p.TOS.OK {
			b = appendHex2(b, "TOS=", hexUpper, p.TOS.V&tosMask)
			b = appendHex2(b, "PREC=", hexUpper, p.TOS.V&precMask)
		}
		b = appendKnown(b, "TTL=", p.TTL)
		b = appendKnown(b, "ID=", p.IPID)
		if p.DF.V {
			b = append(b, "DF "...)
		}
		if o.IPOptions && len(p.IPOptions) > 0 {
			b = appendOptions(b, p.IPOptions)
		}
	}
	b = append(b, "PROTO=TCP "...)
	s := segmentOf(r)
	return s.append(b, o)
}
