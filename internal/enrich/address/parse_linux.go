package address

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
	"time"
)

// held is an address of a device, and when it was given to it: hundredths of a
// second since the boot, as the kernel counts them (IFA_CACHEINFO).
type held struct {
	addr   netip.Addr
	device uint32
	came   uint32
}

// tick is the kernel's unit.
const tick = 10 * time.Millisecond

// The layout of rtnetlink(7): struct ifaddrmsg, struct ifa_cacheinfo.
const (
	headSize    = 8
	headDevice  = 4
	cacheInfo   = 6 // IFA_CACHEINFO
	infoSize    = 16
	infoCreated = 8
)

// parse reads the kernel's answer to RTM_GETADDR.
func parse(answer []byte) ([]held, error) {
	messages, err := syscall.ParseNetlinkMessage(answer)
	if err != nil {
		return nil, fmt.Errorf("reading addresses: %w", err)
	}
	var all []held
	for i := range messages {
		m := &messages[i]
		if m.Header.Type != syscall.RTM_NEWADDR || len(m.Data) < headSize {
			continue
		}
		attributes, err := syscall.ParseNetlinkRouteAttr(m)
		if err != nil {
			return nil, fmt.Errorf("reading an address: %w", err)
		}
		h, timed := held{device: binary.NativeEndian.Uint32(m.Data[headDevice:])}, false
		for _, a := range attributes {
			switch {
			case a.Attr.Type == syscall.IFA_LOCAL, a.Attr.Type == syscall.IFA_ADDRESS && !h.addr.IsValid():
				if addr, ok := netip.AddrFromSlice(a.Value); ok { // where there is a peer, IFA_ADDRESS is his
					h.addr = addr.Unmap()
				}
			case a.Attr.Type == cacheInfo && len(a.Value) >= infoSize:
				h.came, timed = binary.NativeEndian.Uint32(a.Value[infoCreated:]), true
			}
		}
		if timed && h.addr.IsValid() {
			all = append(all, h)
		}
	}
	return all, nil
}

// find is when the address came, in nanoseconds of the monotonic clock, if its
// device had another that much longer.
func find(all []held, addr netip.Addr, now int64, apart time.Duration) (came int64, ok bool) {
	age := func(h *held) time.Duration { // the kernel's count begins anew after 497 days
		return time.Duration(uint32(now/int64(tick))-h.came) * tick
	}
	for i := range all {
		h := &all[i]
		if h.addr != addr.WithZone("").Unmap() {
			continue
		}
		for k := range all {
			if other := &all[k]; other.device == h.device && age(other)-age(h) >= apart {
				return now - int64(age(h)), true
			}
		}
	}
	return 0, false
}
