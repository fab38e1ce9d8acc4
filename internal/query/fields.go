package query

import "strings"

// Fields is a set of the parts of a record that filters read.
type Fields uint32

// The fields.
const (
	FieldAddress Fields = 1 << iota // Src and Dst: address, and with it the IP version
	FieldPort                       // Src and Dst: port
	FieldMAC                        // Packet.MACSrc, MACDst
	FieldVLAN                       // Packet.VLAN
	FieldLength                     // Packet.Length
	FieldIP                         // Packet.TOS, TTL, IPID, FlowLabel, IPOptions
	FieldTCP                        // Packet.Seq, Ack, Window, Urgent, Reserved, TCPOptions
	FieldFlags                      // Packet.Flags
	FieldMark
	FieldDirection
	FieldInterface
	FieldNetns
	FieldSource
	FieldSender
	FieldCause
	FieldHarm
	FieldConfidence
	FieldVerdict // Kernel.Verdict
	FieldProcess // Process.PID, Comm, UID
	FieldContainer

	numFields = iota
)

// Sets of fields that are known together.
const (
	// PacketFields follow from the packet, from its IP header on.
	PacketFields = FieldAddress | FieldPort | FieldLength | FieldIP | FieldTCP | FieldFlags
	// LinkFields follow from the link layer's header.
	LinkFields = FieldMAC | FieldVLAN
	// PlaceFields say where the packet was seen.
	PlaceFields = FieldDirection | FieldInterface | FieldNetns | FieldSource
	// VerdictFields are known only after all sightings of a reset were judged.
	VerdictFields = FieldSender | FieldCause | FieldHarm | FieldConfidence | FieldVerdict | FieldProcess | FieldContainer
	// AllFields is every field.
	AllFields = Fields(1<<numFields - 1)
)

var fieldNames = [numFields]string{
	"addresses", "ports", "MAC addresses", "VLAN", "length", "IP header", "TCP header", "TCP flags", "mark",
	"direction", "interface", "netns", "source", "sender", "cause", "harm", "confidence", "verdict", "process", "container",
}

// String lists the names of the fields, for people.
func (f Fields) String() string {
	var names []string
	for i, name := range fieldNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
