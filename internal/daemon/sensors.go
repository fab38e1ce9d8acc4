package daemon

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/rules"
	"github.com/rstwatch/rstwatch/internal/sense/kernel"
	"github.com/rstwatch/rstwatch/internal/sense/wire"
)

// newCapture makes a sensor of the given name; it does nothing yet.
func newCapture(name string, cfg *config.Config, tracker *netns.Tracker, want wants, log *slog.Logger) (*Capture, error) {
	switch name {
	case "bpf", "bpf-light":
		return newKernelCapture(name, cfg, want, log)
	case "packet":
		return newWireCapture(cfg, tracker, want, log)
	}
	return nil, fmt.Errorf("not one of auto, bpf, bpf-light, packet, nflog, klog")
}

func newKernelCapture(name string, cfg *config.Config, want wants, log *slog.Logger) (*Capture, error) {
	c := kernel.DefaultConfig()
	c.Light = name == "bpf-light"
	c.RingBytes = int(cfg.Capture.RingBytes)
	c.SnapBytes = min(int(cfg.Capture.SnapBytes), c.SnapBytes)
	c.KeepPayload = cfg.Capture.KeepPayload
	c.Netns = want.netns
	if want.filter != nil {
		if pre := want.filter.Prefilter(); pre.Ports != nil {
			c.Ports = pre.Ports[:]
		}
	}
	sensor, err := kernel.New(c, log)
	if err != nil {
		return nil, err
	}
	capture := &Capture{
		Name: name, Sensor: sensor, Fields: query.AllFields, Rules: rules.AllFields &^ rules.FieldConntrack,
		Counts: func() SensorCounts {
			n := sensor.Counts()
			return SensorCounts{Seen: n.Seen, Lost: n.Lost, Filtered: n.Filtered, Missed: n.Missed}
		},
		Blind: "senders that go past the queueing discipline (PACKET_QDISC_BYPASS, AF_XDP, XDP_TX), what XDP drops, " +
			"and packets that IPsec in transport mode or a macvlan hands up without a device of their own",
	}
	if c.Light {
		capture.Blind = "the wire: RSTs that are forwarded, rejected by the firewall, injected, or that no socket took, and the headers of those that a socket took"
	}
	return capture, nil
}

func newWireCapture(cfg *config.Config, tracker *netns.Tracker, want wants, log *slog.Logger) (*Capture, error) {
	c := wire.DefaultConfig()
	c.RingMemory = int(cfg.Capture.RingBytes)
	c.KeepPayload = cfg.Capture.KeepPayload
	if len(want.netns) > 0 {
		c.Select = func(n netns.Namespace) bool { return slices.Contains(want.netns, n.ID) }
	}
	sensor, err := wire.New(c, wire.Deps{Namespaces: tracker, Log: log})
	if err != nil {
		return nil, err
	}
	return &Capture{
		Name: "packet", Sensor: sensor, Coverage: sensor.Coverage,
		Fields: query.PacketFields | query.LinkFields | query.PlaceFields,
		Rules:  rules.FieldDirection | rules.FieldInterface | rules.FieldTime,
		Counts: func() SensorCounts {
			n := sensor.Counts()
			return SensorCounts{Seen: n.Seen, Lost: n.Lost, Filtered: n.Filtered}
		},
		Blind: "why and by whom a RST was sent, and what the kernel did with one that came in",
	}, nil
}
