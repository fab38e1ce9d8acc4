package reset

// The methods of this file follow the structs of reset.go field by field, in
// their order: a member is left out under the condition that omitzero has.

func (w *jsonWriter) reset(r *Reset) {
	w.b = append(w.b, `{"type":"reset"`...)
	w.id("id", r.ID)
	w.uint("revision", uint64(r.Revision))
	w.bool("final", r.Final)
	w.time("provisional_until", r.ProvisionalUntil)
	w.time("time", r.Time)
	optInt(w, "mono_ns", r.MonoNS)
	w.text("host", r.Host)
	w.text("boot_id", r.BootID)
	w.netns("netns", &r.Netns)
	writeWord(w, "direction", directionNames, r.Direction)
	w.interfaces(&r.Interface)
	w.endpoint("src", r.Src)
	w.endpoint("dst", r.Dst)
	w.packet(&r.Packet)
	w.hash("packet_id", r.PacketID)
	if !r.Twin.IsZero() {
		w.id("twin", r.Twin)
	}
	w.trigger(r.Trigger)
	w.hash("flow", r.Flow)
	w.hash("pkt", r.Pkt)
	w.nat(r.NAT)
	w.verdict(r)
	w.kernel(&r.Kernel)
	w.connection(r.Connection)
	w.process("process", r.Process)
	w.container(r.Container)
	w.text("rule", r.Rule)
	w.text("claim", r.Claim)
	w.sources("sources", r.Sources)
	w.fold(r.Fold)
	w.text("summary", r.Summary)
	w.close()
}

// verdict writes the members from role to related.
func (w *jsonWriter) verdict(r *Reset) {
	writeWord(w, "role", roleNames, r.Role)
	writeWord(w, "sender", senderNames, r.Sender)
	writeWord(w, "cause", causeNames, r.Cause)
	start := w.openMember("confidence")
	writeWord(w, "sender", levelNames, r.Confidence.Sender)
	writeWord(w, "cause", levelNames, r.Confidence.Cause)
	w.closeMember(start)
	w.evidence(r.Evidence)
	writeWord(w, "harm", harmNames, r.Harm)
	w.ids("caused_by", r.CausedBy)
	w.ids("related", r.Related)
}

func (w *jsonWriter) netns(name string, n *Netns) {
	start := w.openMember(name)
	w.nonZero("id", n.ID)
	w.nonZero("cookie", n.Cookie)
	w.text("name", n.Name)
	w.closeMember(start)
}

func (w *jsonWriter) interfaces(i *Interface) {
	start := w.openMember("interface")
	w.text("in", i.In)
	w.text("out", i.Out)
	w.text("physin", i.PhysIn)
	w.text("physout", i.PhysOut)
	w.closeMember(start)
}

func (w *jsonWriter) packet(p *Packet) {
	start := w.openMember("packet")
	writeWord(w, "family", familyNames, p.Family)
	optUint(w, "length", p.Length)
	optUint(w, "tos", p.TOS)
	optUint(w, "ttl", p.TTL)
	optUint(w, "ip_id", p.IPID)
	optBool(w, "df", p.DF)
	optUint(w, "flow_label", p.FlowLabel)
	optUint(w, "seq", p.Seq)
	optUint(w, "ack", p.Ack)
	optUint(w, "window", p.Window)
	w.flags("flags", p.Flags)
	optUint(w, "reserved", p.Reserved)
	w.hex("tcp_options", p.TCPOptions)
	w.hex("ip_options", p.IPOptions)
	optUint(w, "urgent", p.Urgent)
	w.base64("payload", p.Payload)
	w.mac("mac_src", p.MACSrc)
	w.mac("mac_dst", p.MACDst)
	optUint(w, "vlan", p.VLAN)
	optUint(w, "mark", p.Mark)
	w.tunnels(p.Tunnel)
	w.base64("raw", p.Raw)
	w.base64("link_header", p.LinkHeader)
	optUint(w, "captured_length", p.Captured)
	w.closeMember(start)
}

func (w *jsonWriter) tunnels(list []Tunnel) {
	if list == nil {
		return
	}
	w.key("tunnel")
	w.b = append(w.b, '[')
	for i := range list {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		t := &list[i]
		w.open()
		w.key("kind")
		w.quote(t.Kind)
		w.endpoint("src", t.Src)
		w.endpoint("dst", t.Dst)
		optUint(w, "id", t.ID)
		optUint(w, "ttl", t.TTL)
		w.close()
	}
	w.b = append(w.b, ']')
}

func (w *jsonWriter) trigger(t *Trigger) {
	if t == nil {
		return
	}
	w.openMember("trigger")
	w.flags("flags", t.Flags)
	optUint(w, "seq", t.Seq)
	optUint(w, "ack", t.Ack)
	optUint(w, "length", t.Length)
	optUint(w, "ttl", t.TTL)
	optUint(w, "tos", t.TOS)
	optUint(w, "ip_id", t.IPID)
	optUint(w, "window", t.Window)
	w.mac("mac_src", t.MACSrc)
	optUint(w, "mark", t.Mark)
	w.text("conntrack", t.Conntrack)
	w.close()
}

func (w *jsonWriter) nat(n *NAT) {
	if n == nil {
		return
	}
	w.openMember("nat")
	w.tuple("original", &n.Original)
	w.tuple("reply", &n.Reply)
	w.close()
}

func (w *jsonWriter) tuple(name string, t *Tuple) {
	w.openMember(name)
	w.endpointAlways("src", t.Src)
	w.endpointAlways("dst", t.Dst)
	w.close()
}

func (w *jsonWriter) evidence(list []Evidence) {
	if list == nil {
		return
	}
	w.key("evidence")
	w.b = append(w.b, '[')
	for i := range list {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		e := &list[i]
		w.open()
		w.key("fact")
		w.quote(e.Fact)
		w.text("value", e.Value)
		w.key("for")
		w.quote(e.For)
		w.key("weight")
		wordValue(w, weightNames, e.Weight)
		w.trueOnly("against", e.Against)
		w.close()
	}
	w.b = append(w.b, ']')
}

func (w *jsonWriter) kernel(k *Kernel) {
	start := w.openMember("kernel")
	w.text("reason", k.Reason)
	w.text("drop_reason", k.DropReason)
	writeWord(w, "verdict", verdictNames, k.Verdict)
	w.trueOnly("inferred", k.Inferred)
	w.texts("stack", k.Stack)
	w.texts("user_stack", k.UserStack)
	w.closeMember(start)
}

func (w *jsonWriter) connection(c *Connection) {
	if c == nil {
		return
	}
	w.openMember("connection")
	w.text("state", c.State)
	optInt(w, "age_ms", c.AgeMS)
	optInt(w, "since_heard_ms", c.SinceHeardMS)
	optInt(w, "since_sent_ms", c.SinceSentMS)
	optInt(w, "quiet_before_ms", c.QuietBeforeMS)
	optUint(w, "bytes_sent", c.BytesSent)
	optUint(w, "bytes_received", c.BytesReceived)
	optUint(w, "unread", c.Unread)
	optUint(w, "unsent", c.Unsent)
	optUint(w, "rtt_us", c.RTTUS)
	optUint(w, "min_rtt_us", c.MinRTTUS)
	optUint(w, "retransmits", c.Retransmits)
	optUint(w, "cookie", c.Cookie)
	writeWord(w, "baseline", baselineNames, c.Baseline)
	w.close()
}

func (w *jsonWriter) process(name string, p *Process) {
	if p == nil {
		return
	}
	w.openMember(name)
	optUint(w, "pid", p.PID)
	w.text("comm", p.Comm)
	w.text("exe", p.Exe)
	optUint(w, "uid", p.UID)
	optUint(w, "gid", p.GID)
	if p.Exit != nil {
		w.openMember("exit")
		optInt(w, "code", p.Exit.Code)
		w.text("signal", p.Exit.Signal)
		w.trueOnly("oom", p.Exit.OOM)
		w.close()
	}
	w.process("by", p.By)
	w.texts("args", p.Args)
	w.close()
}

func (w *jsonWriter) container(c *Container) {
	if c == nil {
		return
	}
	w.openMember("container")
	w.text("id", c.ID)
	w.text("name", c.Name)
	w.text("runtime", c.Runtime)
	w.text("image", c.Image)
	w.text("pod", c.Pod)
	w.text("namespace", c.Namespace)
	w.close()
}

func (w *jsonWriter) fold(f *Fold) {
	if f == nil {
		return
	}
	w.openMember("fold")
	w.key("generalised")
	if f.Generalised == nil {
		w.b = append(w.b, "null"...)
	} else {
		w.list(f.Generalised)
	}
	w.uint("count", f.Count)
	w.time("first", f.First)
	w.time("last", f.Last)
	w.nonZero("distinct", f.Distinct)
	w.close()
}
