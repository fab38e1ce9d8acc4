package kernel

import (
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
)

// probe is the loaded and attached programs.
type probe struct {
	features *features
	objects  *ebpf.Collection
	links    []link.Link
}

// load loads and attaches what this kernel can take. Nothing is pinned: when
// the process ends, however it ends, everything is gone.
func load(cfg Config) (_ *probe, err error) {
	f, err := detect()
	if err != nil {
		return nil, err
	}
	spec, err := loadProbe()
	if err != nil {
		return nil, fmt.Errorf("reading the BPF programs: %w", err)
	}
	if err := f.choose(spec, cfg.Light); err != nil {
		return nil, err
	}
	if err := applySettings(spec, cfg, f); err != nil {
		return nil, err
	}
	// Before 5.11 map memory counts against RLIMIT_MEMLOCK.
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, fmt.Errorf("lifting the limit on locked memory: %w", err)
	}
	objects, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, loadError(err)
	}
	p := &probe{features: f, objects: objects}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if err := p.fillFilters(cfg); err != nil {
		return nil, err
	}
	// The drop and reset hooks come first, so that no packet is seen on the
	// wire whose fate would then be missed.
	for _, name := range []string{
		"skb_dropped", "skb_dropped_no_socket", "skb_dropped_no_reason",
		"reset_sent", "reset_sent_no_reason", "reset_received", "state_changed", "wire_out", "wire_in",
	} {
		program, ok := objects.Programs[name]
		if !ok {
			continue
		}
		attached, err := link.AttachTracing(link.TracingOptions{Program: program})
		if err != nil {
			return nil, fmt.Errorf("attaching %s: %w", name, err)
		}
		p.links = append(p.links, attached)
	}
	return p, nil
}

func applySettings(spec *ebpf.CollectionSpec, cfg Config, f *features) error {
	slots := uint32(1) << bits.Len32(uint32(cfg.Connections-1))
	for name, value := range map[string]any{
		"snap_len":     uint32(cfg.SnapBytes),
		"keep_payload": cfg.KeepPayload,
		"filter_netns": len(cfg.Netns) > 0,
		"filter_ports": len(cfg.Ports) > 0,
		"fast_loads":   f.readOnlyCast,
		"ask_arriving": !f.tcpDrops,
		"ask_leaving":  !f.sendResetReason,
		// Nobody shall aim at another connection's slot.
		"hash_seed":      rand.Uint64(),
		"handshake_mask": slots - 1,
	} {
		variable, ok := spec.Variables[name]
		if !ok {
			return fmt.Errorf("setting %s: the BPF object has no such variable", name)
		}
		if err := variable.Set(value); err != nil {
			return fmt.Errorf("setting %s: %w", name, err)
		}
	}
	for name, entries := range map[string]uint32{
		"ring":        uint32(cfg.RingBytes),
		"connections": uint32(cfg.Connections),
		"local_ports": uint32(cfg.Connections / 2),
		"peers":       uint32(cfg.Connections / 4),
		"handshakes":  slots,
	} {
		spec.Maps[name].MaxEntries = entries
	}
	return nil
}

func (p *probe) fillFilters(cfg Config) error {
	for _, inode := range cfg.Netns {
		if err := p.objects.Maps["watched_netns"].Put(uint32(inode), uint8(1)); err != nil {
			return fmt.Errorf("watching namespace %d: %w", inode, err)
		}
	}
	for word, bits := range cfg.Ports {
		if err := p.objects.Maps["watched_ports"].Put(uint32(word), bits); err != nil {
			return fmt.Errorf("watching ports: %w", err)
		}
	}
	return nil
}

func (p *probe) close() {
	for _, attached := range p.links {
		attached.Close()
	}
	p.objects.Close()
}

// loadError makes the verifier's and the kernel's answers readable.
func loadError(err error) error {
	var verifier *ebpf.VerifierError
	if errors.As(err, &verifier) {
		return fmt.Errorf("the kernel refused a BPF program: %+v", verifier)
	}
	if errors.Is(err, ebpf.ErrNotSupported) {
		return &UnsupportedError{Feature: "BPF programs of this kind", Since: "5.8", Err: err}
	}
	return fmt.Errorf("loading the BPF programs (this needs CAP_BPF and CAP_PERFMON, or root): %w", err)
}
