package recall

import (
	"iter"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// The chains in which an entry hangs.
const (
	byTuple = iota
	byPacket
	byProcess
	byListener
	byIPID
	chains
)

// links are an entry's neighbours in one chain.
type links struct{ newer, older *entry }

// tupleKey is the addresses of a RST in one namespace.
type tupleKey struct {
	netns    uint64
	src, dst reset.Endpoint
}

func tupleOf(r *reset.Reset) tupleKey { return tupleKey{r.Netns.ID, r.Src, r.Dst} }

func (k tupleKey) reversed() tupleKey { return tupleKey{k.netns, k.dst, k.src} }

// index finds kept entries.
type index struct {
	tuples    chain[tupleKey]
	packets   chain[packetKey]
	processes chain[uint32]
	listeners chain[uint32]
	ipids     chain[uint16]
	withIPID  int
}

func newIndex() index {
	return index{
		tuples: newChain[tupleKey](byTuple), packets: newChain[packetKey](byPacket),
		processes: newChain[uint32](byProcess), listeners: newChain[uint32](byListener), ipids: newChain[uint16](byIPID),
	}
}

// chain is the entries that share a key, newest first.
type chain[K comparable] struct {
	kind int
	head map[K]*entry
}

func newChain[K comparable](kind int) chain[K] { return chain[K]{kind, make(map[K]*entry)} }

func (c chain[K]) add(key K, e *entry) {
	first := c.head[key]
	e.chained[c.kind] = links{older: first}
	if first != nil {
		first.chained[c.kind].newer = e
	}
	c.head[key] = e
}

func (c chain[K]) remove(key K, e *entry) {
	l := e.chained[c.kind]
	if l.older != nil {
		l.older.chained[c.kind].newer = l.newer
	}
	switch {
	case l.newer != nil:
		l.newer.chained[c.kind].older = l.older
	case l.older != nil:
		c.head[key] = l.older
	case c.head[key] == e:
		delete(c.head, key)
	}
	e.chained[c.kind] = links{}
}

// maxLooked bounds how many entries of a chain are looked at: a flood of equal
// RSTs must not cost the square of its size.
const maxLooked = 64

// of yields the entries with the key, the newest maxLooked of them, but for one.
func (c chain[K]) of(key K, but *entry) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		looked := 0
		for e := c.head[key]; e != nil && looked < maxLooked; e = e.chained[c.kind].older {
			looked++
			if e != but && !yield(e) {
				return
			}
		}
	}
}

// around yields the entries with the key that were told before and after one of
// them, maxLooked in all; of no entry the newest.
func (c chain[K]) around(key K, one *entry) iter.Seq[*entry] {
	if one == nil {
		return c.of(key, nil)
	}
	return func(yield func(*entry) bool) {
		for e, looked := one.chained[c.kind].older, 0; e != nil && looked < maxLooked/2; e, looked = e.chained[c.kind].older, looked+1 {
			if !yield(e) {
				return
			}
		}
		for e, looked := one.chained[c.kind].newer, 0; e != nil && looked < maxLooked/2; e, looked = e.chained[c.kind].newer, looked+1 {
			if !yield(e) {
				return
			}
		}
	}
}

// link puts an entry at the end of the queue and into its chains.
func (m *Memory) link(e *entry) {
	e.older, e.newer = m.newest, nil
	if m.newest != nil {
		m.newest.newer = e
	} else {
		m.oldest = e
	}
	m.newest = e
	if m.waiting == nil {
		m.waiting = e
	}
	m.kept++
	m.index.tuples.add(tupleOf(&e.record), e)
	if e.packet != 0 {
		m.index.packets.add(e.packet, e)
	}
	if e.pid != 0 {
		m.index.processes.add(e.pid, e)
	}
	if e.listener != 0 {
		m.index.listeners.add(e.listener, e)
	}
	if id := e.ipid(); id != 0 {
		m.index.ipids.add(id, e)
		m.index.withIPID++
	}
}

// forget takes the oldest entry, which is spent, out of everything.
func (m *Memory) forget(e *entry) {
	m.index.tuples.remove(tupleOf(&e.record), e)
	if e.packet != 0 {
		m.index.packets.remove(e.packet, e)
	}
	if e.pid != 0 {
		m.index.processes.remove(e.pid, e)
	}
	if e.listener != 0 {
		m.index.listeners.remove(e.listener, e)
	}
	if id := e.ipid(); id != 0 {
		m.index.ipids.remove(id, e)
		m.index.withIPID--
	}
	m.oldest = e.newer
	if m.oldest != nil {
		m.oldest.older = nil
	} else {
		m.newest = nil
	}
	e.newer, m.free = m.free, e
	m.freed++
	m.kept--
}

// place finds room for an entry, at the cost of the oldest that is spent; nil
// if all have their last revision before them.
func (m *Memory) place() *entry {
	if m.kept >= m.cfg.MaxKept {
		if m.oldest == m.waiting {
			return nil
		}
		m.crowded = reset.Some(m.oldest.mono)
		m.forget(m.oldest)
	}
	if e := m.free; e != nil {
		m.free = e.newer
		m.freed--
		e.newer = nil
		return e
	}
	return new(entry)
}

// ipid is the IP ID of a RST that came from elsewhere, 0 if it has none.
func (e *entry) ipid() uint16 {
	if e.record.Direction == reset.Out {
		return 0
	}
	return e.record.Packet.IPID.V
}
