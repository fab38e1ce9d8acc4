package daemon

import (
	"errors"
	"log/slog"
	"slices"
	"sync"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/rules"
	"github.com/rstwatch/rstwatch/internal/sense/firewall"
	"github.com/rstwatch/rstwatch/internal/sense/kernel"
	"github.com/rstwatch/rstwatch/internal/sense/klog"
	"github.com/rstwatch/rstwatch/internal/sense/wire"
)

// SensorNames are all sensors, in the order in which doctor shows them.
func SensorNames() []string { return []string{"bpf", "bpf-light", "packet", "nflog", "klog"} }

// newCapture makes a sensor of the given name; it does nothing yet.
func newCapture(name string, cfg *config.Config, tracker *netns.Tracker, want wants, log *slog.Logger) (*Capture, error) {
	switch name {
	case "bpf", "bpf-light":
		return newKernelCapture(name, cfg, want, log)
	case "packet":
		return newWireCapture(cfg, tracker, want, log)
	case "nflog":
		return newFirewallCapture(cfg, tracker, want, log)
	case "klog":
		return newKlogCapture(cfg, log)
	}
	return nil, errors.New("not one of auto, bpf, bpf-light, packet, nflog, klog")
}

func newKernelCapture(name string, cfg *config.Config, want wants, log *slog.Logger) (*Capture, error) {
	c := kernel.DefaultConfig()
	c.Light = name == "bpf-light"
	c.RingBytes = int(cfg.Capture.RingBytes)
	c.SnapBytes = min(int(cfg.Capture.SnapBytes), c.SnapBytes)
	c.KeepPayload = cfg.Capture.KeepPayload || cfg.Enrich.Claims // what is not to be kept is taken out again
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
		Name: name, Sensor: sensor, TellsSent: true, Fields: query.AllFields, Rules: rules.AllFields &^ rules.FieldConntrack,
		Counts: func() SensorCounts {
			n := sensor.Counts()
			return SensorCounts{Seen: n.Seen, Lost: n.Lost, Filtered: n.Filtered, Missed: n.Missed}
		},
		Blind: "senders that go past the queueing discipline (PACKET_QDISC_BYPASS, AF_XDP, XDP_TX), what XDP drops, " +
			"and packets that IPsec in transport mode hands up without a device of their own",
	}
	capture.Table = func() *TableStatus {
		t, err := sensor.Table()
		if err != nil {
			log.Warn("counting what the sensor knows of connections", "error", err)
			return nil
		}
		return &TableStatus{Size: t.Size, Begun: t.Begun, Held: t.Held, Forgotten: t.Forgotten}
	}
	if !c.Light {
		capture.Knows = sensor.Knows
	}
	if c.Light {
		capture.Fields = query.AllFields &^ (query.LinkFields | query.FieldInterface | query.FieldMark)
		capture.Rules = rules.FieldDirection | rules.FieldTime
		capture.Unwatched = attribute.WireNotWatched()
		capture.Blind = "the wire: RSTs that are forwarded, rejected by the firewall, injected, or that only a request or " +
			"TIME_WAIT socket took; and the headers of those that TCP sent or took"
	}
	if !kernel.NamesFunctions() {
		capture.Blind += "; and which of the kernel's functions led to an abort, since /proc/kallsyms hides where they are"
	}
	return capture, nil
}

func newWireCapture(cfg *config.Config, tracker *netns.Tracker, want wants, log *slog.Logger) (*Capture, error) {
	c := wire.DefaultConfig()
	c.RingMemory = int(cfg.Capture.RingBytes)
	c.KeepPayload = cfg.Capture.KeepPayload || cfg.Enrich.Claims // what is not to be kept is taken out again
	c.Select = selected(want)
	var ended endings
	sensor, err := wire.New(c, wire.Deps{Namespaces: tracker, Log: log, Ended: ended.add})
	if err != nil {
		return nil, err
	}
	return &Capture{
		Name: "packet", Sensor: sensor, Coverage: func() []reset.Coverage { return append(ended.take(), sensor.Coverage()...) },
		Fields: query.PacketFields | query.LinkFields | query.PlaceFields,
		Rules:  rules.FieldDirection | rules.FieldInterface | rules.FieldTime,
		Counts: func() SensorCounts {
			n := sensor.Counts()
			return SensorCounts{Seen: n.Seen, Lost: n.Lost, Filtered: n.Filtered}
		},
		Blind: "why and by whom a RST was sent, what the kernel did with one that came in, and senders that go past " +
			"the queueing discipline; a new namespace until it is found",
	}, nil
}

func newFirewallCapture(cfg *config.Config, tracker *netns.Tracker, want wants, log *slog.Logger) (*Capture, error) {
	c := firewall.DefaultConfig()
	c.Group = uint16(cfg.Capture.NFLogGroup)
	c.KeepPayload = cfg.Capture.KeepPayload || cfg.Enrich.Claims // what is not to be kept is taken out again
	c.Select = selected(want)
	var ended endings
	sensor, err := firewall.New(c, firewall.Deps{Namespaces: tracker, Log: log, Ended: ended.add})
	if err != nil {
		return nil, err
	}
	return &Capture{
		Name: "nflog", Sensor: sensor, Coverage: func() []reset.Coverage { return append(ended.take(), sensor.Coverage()...) },
		Fields: query.PacketFields | query.LinkFields | query.PlaceFields | query.FieldMark | query.FieldProcess,
		Rules:  rules.FieldDirection | rules.FieldInterface | rules.FieldMark | rules.FieldTime,
		Counts: func() SensorCounts {
			n := sensor.Counts()
			return SensorCounts{Seen: n.Seen, Lost: n.Lost, Filtered: n.Filtered}
		},
		Blind: "why and by whom a RST was sent, what TCP did with one that came in, what packet sockets send, and what a " +
			"bridge passes; a new namespace until it is found",
	}, nil
}

func newKlogCapture(cfg *config.Config, log *slog.Logger) (*Capture, error) {
	c := klog.DefaultConfig()
	switch cfg.Capture.KlogPath {
	case "":
	case "journald":
		c.Path = klog.Journal
	default:
		c.Path = cfg.Capture.KlogPath
	}
	sensor, err := klog.New(c, klog.Deps{Log: log})
	if err != nil {
		return nil, err
	}
	return &Capture{
		Name: "klog", Sensor: sensor,
		// What a line does not say differs with the rule that wrote it; a field
		// that the LOG target always writes is all that can be relied on.
		Fields:   query.FieldAddress | query.FieldPort | query.FieldLength | query.FieldIP | query.FieldFlags | query.FieldDirection | query.FieldInterface | query.FieldSource,
		Rules:    rules.FieldDirection | rules.FieldInterface | rules.FieldTime,
		Coverage: func() []reset.Coverage { return nil }, // whether a rule logs every RST is not known
		Counts: func() SensorCounts {
			n := sensor.Counts()
			return SensorCounts{Seen: n.Seen, Lost: n.Lost, Filtered: n.Filtered}
		},
		Blind: "everything that no LOG rule of this host logs; which namespace a line is from; why and by whom a RST was sent",
	}, nil
}

func selected(want wants) func(netns.Namespace) bool {
	if len(want.netns) == 0 {
		return nil
	}
	return func(n netns.Namespace) bool { return slices.Contains(want.netns, n.ID) }
}

// endings collects the coverage of namespaces whose watch ended.
type endings struct {
	mu   sync.Mutex
	list []reset.Coverage // guarded by mu
}

// maxEndings bounds what is kept between two checkpoints.
const maxEndings = 1 << 16

func (e *endings) add(c reset.Coverage) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.list) < maxEndings {
		e.list = append(e.list, c)
	}
}

func (e *endings) take() []reset.Coverage {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.list
	e.list = nil
	return list
}
