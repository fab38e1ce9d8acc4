package classic

import "github.com/rstwatch/rstwatch/internal/reset"

func (p *parser) headerIPv4() {
	k := &p.s.Packet
	k.Length = reset.Some(uint32(p.decimal("LEN=", 32)))
	tag := "TOS=0x"
	if p.has("TOS=") && !p.has(tag) {
		tag = "TOS=" // ulogd's LOGEMU
	}
	tos, prec := p.hex(tag, 8), p.hex("PREC=0x", 8)
	k.TOS = reset.Some(uint8(tos | prec))
	k.TTL = reset.Some(uint8(p.decimal("TTL=", 8)))
	k.IPID = reset.Some(uint16(p.decimal("ID=", 16)))
	p.word("CE")
	k.DF = reset.Some(p.word("DF"))
	p.word("MF")
	if p.has("FRAG:") {
		p.decimal("FRAG:", 16)
	}
	if p.has("OPT (") {
		k.IPOptions = p.options()
	}
}

func (p *parser) headerIPv6() {
	k := &p.s.Packet
	k.Length = reset.Some(uint32(p.decimal("LEN=", 32)))
	k.TOS = reset.Some(uint8(p.decimal("TC=", 8)))
	k.TTL = reset.Some(uint8(p.decimal("HOPLIMIT=", 8)))
	k.FlowLabel = reset.Some(uint32(p.decimal("FLOWLBL=", 20)))
	for p.failed == nil && p.extension() {
	}
}

// extension steps over one extension header. With --log-ip-options it is
// "OPT ( … ) "; without, only a fragment header is seen, bare.
func (p *parser) extension() bool {
	wrapped := p.text("OPT ( ")
	seen := wrapped
	if p.has("FRAG:") {
		p.decimal("FRAG:", 16)
		p.word("INCOMPLETE")
		p.hex("ID:", 32)
		seen = true
	} else if wrapped && p.word("AH") {
		p.hex("SPI=0x", 32)
	}
	if wrapped && p.failed == nil && !p.text(") ") {
		p.fail("end of OPT")
	}
	return seen
}

// tcp is nf_log_dump_tcp_header. Its values are kept only where RST is among
// the flags.
func (p *parser) tcp() error {
	if p.done() || p.has("UID=") || p.has("MARK=") || p.has("INCOMPLETE") {
		return ErrNotReset // a later fragment, or a header cut short
	}
	k := &p.s.Packet
	src, dst := uint16(p.decimal("SPT=", 16)), uint16(p.decimal("DPT=", 16))
	if p.has("SEQ=") {
		k.Seq = reset.Some(uint32(p.decimal("SEQ=", 32)))
		k.Ack = reset.Some(uint32(p.decimal("ACK=", 32)))
	}
	k.Window = reset.Some(uint16(p.decimal("WINDOW=", 16)))
	if !p.isEmulated() {
		reserved := uint8(p.hex("RES=0x", 8)) >> 2 & 15
		if p.word("AE") {
			reserved |= flagAE
		}
		k.Reserved = reset.Some(reserved)
	}
	k.Flags = 0
	for _, f := range flagOrder {
		if p.word(f.name) {
			k.Flags |= f.flag
		}
	}
	k.Urgent = reset.Some(uint16(p.decimal("URGP=", 16)))
	if p.failed != nil {
		return p.failed
	}
	if k.Flags&reset.RST == 0 {
		return ErrNotReset
	}
	if p.has("OPT (") && !p.text("OPT (TRUNCATED)") {
		k.TCPOptions = p.options()
	}
	p.s.Src, p.s.Dst = reset.EndpointFrom(p.src, src), reset.EndpointFrom(p.dst, dst)
	return p.failed
}

// isEmulated reports whether a flag or URGP= stands where the kernel writes
// RES=: ulogd's LOGEMU leaves that out.
func (p *parser) isEmulated() bool {
	if p.has("URGP=") {
		return true
	}
	for _, f := range flagOrder {
		if p.has(f.name) {
			return true
		}
	}
	return false
}
