package capture

import "encoding/binary"

// deeper looks for the IP packet in frames of the less usual kinds, and behind
// what stands between the link layer and IP.
func (r *Reader) deeper(f *frame) (at spot, ok bool) {
	data := f.data
	switch f.device.link {
	case linkEthernet:
		at.link = 14
		at.ip, ok = r.layers.FromEther(data, 12)
	case linkCooked:
		at.link = 16
		at.ip, ok = r.layers.FromEther(data, 14)
	case linkCooked2:
		if at.link = 20; len(data) >= at.link { // the protocol stands first
			at.ip, ok = r.layers.FromType(data, at.link, binary.BigEndian.Uint16(data))
		}
	case linkPPP, linkPPPHDLC:
		at.ip, ok = r.layers.FromPPP(data, 0)
	case linkPPPWay:
		at.link = 1
		at.ip, ok = r.layers.FromPPP(data, 1)
	case linkPPPoE:
		at.ip, ok = r.layers.FromPPPoE(data, 0)
	case linkFDDI:
		at.link = fddiHeader
		at.ip, ok = r.layers.FromSNAP(data, fddiHeader)
	case linkWLAN:
		at, ok = r.wlan(data, 0)
	case linkRadiotap:
		if len(data) >= 4 { // version, padding, length
			at, ok = r.wlan(data, int(binary.LittleEndian.Uint16(data[2:])))
		}
	case linkPrism:
		at, ok = r.wlan(data, prismHeader)
	case linkAVS:
		if len(data) >= 8 {
			at, ok = r.wlan(data, int(min(binary.BigEndian.Uint32(data[4:]), 1<<16)))
		}
	}
	at.link = min(at.link, at.ip)
	return at, ok
}

const (
	fddiHeader  = 13  // frame control, and two addresses (ANSI X3.139)
	prismHeader = 144 // of the Prism II driver
)

// wlan reads a data frame of IEEE 802.11 at an offset: addresses of three or
// four, perhaps QoS and HT control, and IEEE 802.2 behind them. What is encrypted
// cannot be read.
func (r *Reader) wlan(data []byte, at int) (where spot, ok bool) {
	const (
		fixed               = 24
		typeMask, dataFrame = 0x0c, 0x08
		toDS, fromDS        = 0x01, 0x02
		qos, noData         = 0x80, 0x40
		order, secret       = 0x80, 0x40
	)
	if len(data) < at+fixed {
		return where, false
	}
	kind, flags := data[at], data[at+1]
	if kind&typeMask != dataFrame || kind&noData != 0 || flags&secret != 0 {
		return where, false
	}
	header := at + fixed
	if flags&(toDS|fromDS) == toDS|fromDS {
		header += 6
	}
	if kind&qos != 0 {
		aggregate := len(data) > header && data[header]&0x80 != 0
		header += 2
		if flags&order != 0 {
			header += 4
		}
		if aggregate { // the first of several: destination, source, length
			header += 14
		}
	}
	ip, ok := r.layers.FromSNAP(data, header)
	return spot{header, ip}, ok
}
