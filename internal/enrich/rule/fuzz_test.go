package rule

import (
	"encoding/binary"
	"testing"
	"unicode"
)

// attr writes an attribute.
func attr(kind uint16, parts ...[]byte) []byte {
	var body []byte
	for _, p := range parts {
		body = append(body, p...)
	}
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(body)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), body...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func num(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func str(s string) []byte { return append([]byte(s), 0) }

func expression(name string, attrs ...[]byte) []byte {
	return attr(1, attr(1, str(name)), attr(2, attrs...))
}

// message is what the kernel tells of a rule.
func message(family byte, expressions ...[]byte) []byte {
	b := []byte{family, 0, 0, 0}
	b = append(b, attr(1, str("filter"))...)
	b = append(b, attr(2, str("input"))...)
	b = append(b, attr(3, num(0), num(9))...)
	return append(b, attr(4, expressions...)...)
}

var (
	rejectWithReset = expression("reject", attr(1, num(1)))
	portIs22        = append(
		expression("payload", attr(1, num(1)), attr(2, num(2)), attr(3, num(2)), attr(4, num(2))),
		expression("cmp", attr(1, num(1)), attr(2, num(0)), attr(3, attr(1, []byte{0, 22})))...)
)

// FuzzRule: whoever has a namespace writes its rules.
func FuzzRule(f *testing.F) {
	f.Add(message(familyInet, portIs22, rejectWithReset), uint32(0), uint16(22))
	f.Add(message(familyIPv4, expression("immediate", attr(1, num(0)), attr(2, attr(2, attr(1, num(verdictJump)), attr(2, str("web")))))), uint32(0), uint16(1))
	f.Add(message(familyInet, portIs22, expression("lookup", attr(1, str("m")), attr(2, num(1)), attr(3, num(0)))), uint32(0), uint16(22))
	f.Add(message(familyIPv6, expression("match", attr(1, str("multiport")), attr(2, num(1)), attr(3, make([]byte, 48))), rejectWithReset), uint32(1), uint16(22))
	f.Fuzz(func(t *testing.T, rule []byte, hook uint32, port uint16) {
		s := newRuleset()
		chain := append([]byte{familyInet, 0, 0, 0}, attr(1, str("filter"))...)
		chain = append(append(chain, attr(3, str("input"))...), attr(4, attr(1, num(hook)), attr(2, num(0)))...)
		s.takeChain(chain)
		var at counted
		for range 2 {
			s.takeRule(rule, &at)
		}
		s.takeChain(rule)
		s.sets[setName{familyInet, "filter", "m"}] = intervals(takeElements(rule, nil))
		s.settle()
		found, _ := s.find(Packet{Src: address("192.0.2.1", 1), Dst: address("192.0.2.2", port)})
		checkText(t, describe(found))
	})
}

// FuzzLegacy: and so it is with the rules of the older iptables.
func FuzzLegacy(f *testing.F) {
	info := make([]byte, 84)
	info[nameSize] = 2 // INPUT
	entry := make([]byte, 112+32+8)
	binary.NativeEndian.PutUint16(entry[88:], 112)
	binary.NativeEndian.PutUint16(entry[90:], uint16(len(entry)))
	binary.NativeEndian.PutUint16(entry[112:], 40)
	copy(entry[114:], "REJECT")
	entry[144] = withReset4
	f.Add(info, append(entry, entry...), false)
	f.Fuzz(func(t *testing.T, info, entries []byte, six bool) {
		if len(info) < 84 {
			return
		}
		family := legacy4
		packet := Packet{Src: address("192.0.2.1", 1), Dst: address("192.0.2.2", 2)}
		if six {
			family, packet = legacy6, Packet{Src: address("fd00::1", 1), Dst: address("fd00::2", 2)}
		}
		s := newRuleset()
		family.decode(s, "filter", info, entries)
		s.settle()
		found, _ := s.find(packet)
		checkText(t, describe(found))
	})
}

func checkText(t *testing.T, text string) {
	t.Helper()
	if len(text) > 8*maxText*maxNamed {
		t.Fatalf("%d bytes", len(text))
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			t.Fatalf("%U in %q", r, text)
		}
	}
}

// TestDecode reads a rule that is written down here, and finds it.
func TestDecode(t *testing.T) {
	s := newRuleset()
	chain := append([]byte{familyInet, 0, 0, 0}, attr(1, str("filter"))...)
	chain = append(append(chain, attr(3, str("input"))...), attr(4, attr(1, num(hookForward)), attr(2, num(0)))...)
	s.takeChain(chain)
	var at counted
	if kept := s.takeRule(message(familyInet, expression("counter")), &at); kept != 0 {
		t.Errorf("a rule that leads nowhere was kept")
	}
	if kept := s.takeRule(message(familyInet, portIs22, rejectWithReset), &at); kept != 1 {
		t.Errorf("a rule that rejects was not kept")
	}
	s.settle()
	for port, want := range map[uint16]string{22: "table inet filter, chain input, rule 2 (handle 9)", 23: ""} {
		found, looked := s.find(Packet{Src: address("192.0.2.1", 1), Dst: address("192.0.2.2", port)})
		if got := describe(found); got != want || looked >= maxRules {
			t.Errorf("port %d: %q (%d rules), want %q", port, got, looked, want)
		}
	}
}

// TestLoop: a jump back is not followed for ever. The kernel allows none; a
// file that was read while it changed may have one.
func TestLoop(t *testing.T) {
	s := newRuleset()
	chain := append([]byte{familyInet, 0, 0, 0}, attr(1, str("filter"))...)
	chain = append(append(chain, attr(3, str("input"))...), attr(4, attr(1, num(hookForward)), attr(2, num(0)))...)
	s.takeChain(chain)
	var at counted
	back := expression("immediate", attr(1, num(0)), attr(2, attr(2, attr(1, num(verdictJump)), attr(2, str("input")))))
	for range 8 {
		s.takeRule(message(familyInet, portIs22, back), &at)
	}
	s.takeRule(message(familyInet, expression("limit"), rejectWithReset), &at)
	s.settle()
	if _, looked := s.find(Packet{Src: address("192.0.2.1", 1), Dst: address("192.0.2.2", 22)}); looked != maxRules {
		t.Error("a search without end was called whole")
	}
}

func TestIntervals(t *testing.T) {
	list := intervals([]element{
		{from: []byte{2, 0}, end: true}, {from: []byte{1, 0}, chain: "a"}, {from: []byte{0, 0}, end: true}, {from: []byte{9, 9}},
	})
	for value, want := range map[[2]byte]match{{0, 0}: no, {1, 0}: yes, {1, 255}: yes, {2, 0}: no, {9, 8}: no, {9, 9}: yes, {255, 255}: yes} {
		s := newRuleset()
		s.sets[setName{}] = list
		m := newMachine(Packet{Src: address("192.0.2.1", 1), Dst: address("192.0.2.2", 22)})
		m.load(0, value[:])
		if _, got := m.lookup(s, &chain{}, &step{}); got != want {
			t.Errorf("%v: %d, want %d", value, got, want)
		}
	}
}
