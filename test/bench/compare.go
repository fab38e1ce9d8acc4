package bench

import (
	"errors"
	"fmt"
	"net"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

// compared attaches one of the programs of bpf/compare: each finds RSTs and
// counts them, and does nothing else.
func compared(attach func(*Bench, map[string]*ebpf.Program) ([]link.Link, error), programs ...string) func(*Bench) (watching, error) {
	return func(b *Bench) (watching, error) {
		spec, err := loadCompare()
		if err != nil {
			return watching{}, err
		}
		for name := range spec.Programs {
			wanted := false
			for _, p := range programs {
				wanted = wanted || p == name
			}
			if !wanted {
				delete(spec.Programs, name)
			}
		}
		if v := spec.Variables["fast_loads"]; v != nil {
			if err := v.Set(hasReadOnlyCast()); err != nil {
				return watching{}, err
			}
		}
		objects, err := ebpf.NewCollection(spec)
		if err != nil {
			return watching{}, fmt.Errorf("loading %v: %+w", programs, err)
		}
		links, err := attach(b, objects.Programs)
		stop := func() (err error) {
			for _, l := range links {
				err = errors.Join(err, l.Close())
			}
			objects.Close()
			return err
		}
		if err != nil {
			return watching{}, errors.Join(err, stop())
		}
		return watching{stop: stop}, nil
	}
}

// hasReadOnlyCast is what the sensor asks too, so that both load bytes alike.
func hasReadOnlyCast() bool {
	spec, err := btf.LoadKernelSpec()
	var cast *btf.Func
	return err == nil && spec.TypeByName("bpf_rdonly_cast", &cast) == nil
}

func attachTracepoints(_ *Bench, programs map[string]*ebpf.Program) (links []link.Link, err error) {
	for _, p := range programs {
		l, err := link.AttachTracing(link.TracingOptions{Program: p})
		if err != nil {
			return links, fmt.Errorf("attaching to a tracepoint: %w", err)
		}
		links = append(links, l)
	}
	return links, nil
}

// attachTCX attaches to every device of both ends, as a watcher of all traffic
// must.
func attachTCX(b *Bench, programs map[string]*ebpf.Program) ([]link.Link, error) {
	return b.attachInNodes(func() (links []link.Link, err error) {
		devices, err := net.Interfaces()
		if err != nil {
			return nil, err
		}
		for _, d := range devices {
			for name, attach := range map[string]ebpf.AttachType{"tcx_in": ebpf.AttachTCXIngress, "tcx_out": ebpf.AttachTCXEgress} {
				l, err := link.AttachTCX(link.TCXOptions{Interface: d.Index, Program: programs[name], Attach: attach})
				if err != nil {
					return links, fmt.Errorf("attaching to TCX of %s: %w", d.Name, err)
				}
				links = append(links, l)
			}
		}
		return links, nil
	})
}

// attachNetfilter attaches to LOCAL_IN, FORWARD and LOCAL_OUT of both families.
func attachNetfilter(b *Bench, programs map[string]*ebpf.Program) ([]link.Link, error) {
	const localIn, forward, localOut = 1, 2, 3 // enum nf_inet_hooks
	return b.attachInNodes(func() (links []link.Link, err error) {
		for _, family := range []link.NetfilterProtocolFamily{link.NetfilterProtoIPv4, link.NetfilterProtoIPv6} {
			for _, hook := range []link.NetfilterInetHook{localIn, forward, localOut} {
				l, err := link.AttachNetfilter(link.NetfilterOptions{
					Program: programs["netfilter_hook"], ProtocolFamily: family, Hook: hook, Priority: -10,
				})
				if err != nil {
					return links, fmt.Errorf("attaching to netfilter: %w", err)
				}
				links = append(links, l)
			}
		}
		return links, nil
	})
}

func (b *Bench) attachInNodes(attach func() ([]link.Link, error)) (all []link.Link, err error) {
	for _, n := range []*testkit.Node{b.pair.Source, b.pair.Target} {
		err = errors.Join(err, n.Do(func() error {
			links, err := attach()
			all = append(all, links...)
			return err
		}))
	}
	return all, err
}
