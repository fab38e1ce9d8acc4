package journal

import "github.com/rstwatch/rstwatch/internal/reset"

func (d *decoder) decodePacket(parent *cursor, p *reset.Packet) {
	m := parent.message()
	for m.next() {
		switch m.field {
		case packetFamily:
			p.Family = small[reset.Family](&m)
		case packetLength:
			p.Length = opt[uint32](&m)
		case packetTOS:
			p.TOS = opt[uint8](&m)
		case packetTTL:
			p.TTL = opt[uint8](&m)
		case packetIPID:
			p.IPID = opt[uint16](&m)
		case packetDF:
			p.DF = reset.Some(m.truth())
		case packetFlowLabel:
			p.FlowLabel = opt[uint32](&m)
		case packetSeq:
			p.Seq = opt[uint32](&m)
		case packetAck:
			p.Ack = opt[uint32](&m)
		case packetWindow:
			p.Window = opt[uint16](&m)
		case packetFlags:
			p.Flags = small[reset.Flags](&m)
		case packetReserved:
			p.Reserved = opt[uint8](&m)
		case packetUrgent:
			p.Urgent = opt[uint16](&m)
		case packetCaptured:
			p.Captured = opt[uint32](&m)
		default:
			d.packetBytes(&m, p)
		}
	}
	parent.err = m.err
}

func (d *decoder) packetBytes(m *cursor, p *reset.Packet) {
	switch m.field {
	case packetTCPOptions:
		p.TCPOptions = clone(m.data)
	case packetIPOptions:
		p.IPOptions = clone(m.data)
	case packetPayload:
		p.Payload = clone(m.data)
	case packetMACSrc:
		p.MACSrc = d.bytes(m)
	case packetMACDst:
		p.MACDst = d.bytes(m)
	case packetVLAN:
		p.VLAN = opt[uint16](m)
	case packetMark:
		p.Mark = opt[uint32](m)
	case packetTunnel:
		if len(p.Tunnel) >= maxList {
			m.fail("too many tunnels")
			return
		}
		p.Tunnel = append(p.Tunnel, d.decodeTunnel(m))
	}
}

func (d *decoder) decodeTunnel(parent *cursor) (t reset.Tunnel) {
	m := parent.message()
	for m.next() {
		switch m.field {
		case tunnelKind:
			t.Kind = d.text(&m)
		case tunnelSrc:
			t.Src = m.endpoint()
		case tunnelDst:
			t.Dst = m.endpoint()
		case tunnelID:
			t.ID = opt[uint32](&m)
		case tunnelTTL:
			t.TTL = opt[uint8](&m)
		}
	}
	parent.err = m.err
	return t
}

func (d *decoder) decodeConnection(parent *cursor) *reset.Connection {
	m := parent.message()
	c := &reset.Connection{}
	for m.next() {
		switch m.field {
		case connectionState:
			c.State = d.text(&m)
		case connectionAgeMS:
			c.AgeMS = optSigned(&m)
		case connectionSinceHeardMS:
			c.SinceHeardMS = optSigned(&m)
		case connectionSinceSentMS:
			c.SinceSentMS = optSigned(&m)
		case connectionQuietBeforeMS:
			c.QuietBeforeMS = optSigned(&m)
		case connectionBytesSent:
			c.BytesSent = opt[uint64](&m)
		case connectionBytesReceived:
			c.BytesReceived = opt[uint64](&m)
		case connectionUnread:
			c.Unread = opt[uint32](&m)
		case connectionUnsent:
			c.Unsent = opt[uint32](&m)
		case connectionRTTUS:
			c.RTTUS = opt[uint32](&m)
		case connectionMinRTTUS:
			c.MinRTTUS = opt[uint32](&m)
		case connectionRetransmits:
			c.Retransmits = opt[uint32](&m)
		case connectionCookie:
			c.Cookie = opt[uint64](&m)
		case connectionBaseline:
			c.Baseline = small[reset.Baseline](&m)
		}
	}
	parent.err = m.err
	return c
}

func (d *decoder) decodeProcess(parent *cursor, depth int) *reset.Process {
	if depth >= maxDepth {
		parent.fail("processes nested too deep")
		return nil
	}
	m := parent.message()
	p := &reset.Process{}
	for m.next() {
		switch m.field {
		case processPID:
			p.PID = opt[uint32](&m)
		case processComm:
			p.Comm = d.text(&m)
		case processExe:
			p.Exe = d.text(&m)
		case processUID:
			p.UID = opt[uint32](&m)
		case processGID:
			p.GID = opt[uint32](&m)
		case processExit:
			p.Exit = d.decodeExit(&m)
		case processBy:
			p.By = d.decodeProcess(&m, depth+1)
		case processArgs:
			p.Args = d.texts(&m)
		}
	}
	parent.err = m.err
	return p
}

func (d *decoder) decodeExit(parent *cursor) *reset.Exit {
	m := parent.message()
	e := &reset.Exit{}
	for m.next() {
		switch m.field {
		case exitCode:
			v := int32(m.signed())
			if int64(v) != m.signed() {
				m.fail("number out of range")
			}
			e.Code = reset.Some(v)
		case exitSignal:
			e.Signal = d.text(&m)
		case exitOOM:
			e.OOM = m.truth()
		}
	}
	parent.err = m.err
	return e
}

func (d *decoder) decodeContainer(parent *cursor) *reset.Container {
	m := parent.message()
	c := &reset.Container{}
	for m.next() {
		switch m.field {
		case containerID:
			c.ID = d.text(&m)
		case containerName:
			c.Name = d.text(&m)
		case containerRuntime:
			c.Runtime = d.text(&m)
		case containerImage:
			c.Image = d.text(&m)
		case containerPod:
			c.Pod = d.text(&m)
		case containerNamespace:
			c.Namespace = d.text(&m)
		}
	}
	parent.err = m.err
	return c
}

func (d *decoder) decodeNAT(parent *cursor) *reset.NAT {
	m := parent.message()
	n := &reset.NAT{}
	for m.next() {
		switch m.field {
		case natOriginalSrc:
			n.Original.Src = m.endpoint()
		case natOriginalDst:
			n.Original.Dst = m.endpoint()
		case natReplySrc:
			n.Reply.Src = m.endpoint()
		case natReplyDst:
			n.Reply.Dst = m.endpoint()
		}
	}
	parent.err = m.err
	return n
}

func (d *decoder) decodeFold(parent *cursor) *reset.Fold {
	m := parent.message()
	f := &reset.Fold{}
	for m.next() {
		switch m.field {
		case foldGeneralised:
			f.Generalised = d.texts(&m)
		case foldCount:
			f.Count = m.value
		case foldFirst:
			f.First = m.time()
		case foldLast:
			f.Last = m.time()
		case foldDistinct:
			f.Distinct = m.value
		}
	}
	parent.err = m.err
	return f
}
