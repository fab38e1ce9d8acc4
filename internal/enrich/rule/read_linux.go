package rule

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The bounds of what is read of one namespace. What does not fit makes the
// ruleset partial, and then no rule is named.
const (
	maxRead     = 1_000_000 // rules
	maxKept     = 50_000    // rules that reject or lead on
	maxElements = 16_384    // of one set
	maxSets     = 256
)

// generation asks for the number of the ruleset's state, in the namespace of
// the calling thread.
func generation(ctx context.Context) (uint32, error) {
	s, err := openSocket()
	if err != nil {
		return 0, err
	}
	defer s.close()
	var id uint32
	err = s.ask(ctx, getGeneration, unix.AF_UNSPEC, false, nil, func(message []byte) bool {
		id, _ = generationOf(message)
		return false
	})
	return id, err
}

// read reads the rules of the namespace of the calling thread, those of
// nftables if the kernel has it.
func read(ctx context.Context, nftables bool) (r *ruleset, err error) {
	r = newRuleset()
	for range 3 {
		if !nftables {
			break
		}
		if r, err = readOnce(ctx); !errors.Is(err, errChanged) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	readLegacy(r)
	r.settle()
	r.local, err = addresses()
	return r, err
}

func readOnce(ctx context.Context) (*ruleset, error) {
	s, err := openSocket()
	if err != nil {
		return nil, err
	}
	defer s.close()
	r := newRuleset()
	return r, s.readInto(ctx, r)
}

func (s *socket) readInto(ctx context.Context, r *ruleset) error {
	err := s.ask(ctx, getGeneration, unix.AF_UNSPEC, false, nil, func(message []byte) bool {
		r.generation, _ = generationOf(message)
		return false
	})
	if err != nil {
		return err
	}
	err = s.ask(ctx, getChain, unix.AF_UNSPEC, true, nil, func(message []byte) bool {
		r.takeChain(message)
		return true
	})
	if err != nil {
		return err
	}
	var at counted
	seen, kept := 0, 0
	err = s.ask(ctx, getRule, unix.AF_UNSPEC, true, nil, func(message []byte) bool {
		if seen++; seen <= maxRead && kept <= maxKept { // a question once asked must be heard out
			kept += r.takeRule(message, &at)
		}
		return true
	})
	r.partial = seen > maxRead || kept > maxKept
	if err != nil {
		return err
	}
	return s.readSets(ctx, r)
}

// readSets reads the sets that the kept rules look into.
func (s *socket) readSets(ctx context.Context, r *ruleset) error {
	for _, c := range r.chains {
		for i := range c.rules {
			for _, st := range c.rules[i].steps {
				if st.op != opLookup && st.op != opMap {
					continue
				}
				name := setName{c.family, c.table, st.name}
				if _, ok := r.sets[name]; ok {
					continue
				}
				if len(r.sets) >= maxSets {
					r.partial = true
					return nil
				}
				if err := s.readSet(ctx, r, name, st.op == opMap); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *socket) readSet(ctx context.Context, r *ruleset, name setName, leads bool) error {
	attrs := appendText(nil, 1, name.table)
	attrs = appendText(attrs, 2, name.set)
	var list []element
	large := false
	err := s.ask(ctx, getSetElement, name.family, true, attrs, func(message []byte) bool {
		if !large {
			list = takeElements(message, list)
			large = len(list) > maxElements
		}
		return true
	})
	switch {
	case errors.Is(err, unix.ENOENT):
		return errChanged
	case err != nil:
		return err
	case large && leads:
		r.partial = true
	case !large:
		r.sets[name] = intervals(list)
		return nil
	}
	return nil
}

// appendText appends an attribute that is a string.
func appendText(b []byte, kind uint16, value string) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(4+len(value)+1))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(append(b, value...), 0)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// addresses are those of the namespace of the calling thread.
func addresses() (map[netip.Addr]bool, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("reading addresses: %w", err)
	}
	own := make(map[netip.Addr]bool, len(list))
	for _, a := range list {
		if prefix, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(prefix.IP); ok {
				own[addr.Unmap()] = true
			}
		}
	}
	return own, nil
}
