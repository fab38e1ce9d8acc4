package journal

// table gives the values of one kind that repeat within a block the numbers 1,
// 2, … in order of appearance. The four that were used last are found without
// hashing, which is what a storm needs.
type table[K comparable] struct {
	recent [4]K
	refs   [4]uint32
	turn   uint8
	all    map[K]uint32
	count  uint32
}

// find returns the number of the value, or 0.
func (t *table[K]) find(k *K) uint32 {
	for i := range t.recent {
		if t.refs[i] != 0 && t.recent[i] == *k {
			return t.refs[i]
		}
	}
	ref := t.all[*k]
	if ref != 0 {
		t.remember(k, ref)
	}
	return ref
}

// add numbers a value that find did not find.
func (t *table[K]) add(k *K) uint32 {
	if t.all == nil {
		t.all = make(map[K]uint32)
	}
	t.count++
	t.all[*k] = t.count
	t.remember(k, t.count)
	return t.count
}

func (t *table[K]) remember(k *K, ref uint32) {
	t.recent[t.turn], t.refs[t.turn] = *k, ref
	t.turn = (t.turn + 1) % uint8(len(t.recent))
}

// clear forgets all: numbers start anew in each block.
func (t *table[K]) clear() {
	t.refs = [4]uint32{}
	t.recent = [4]K{}
	t.turn, t.count = 0, 0
	clear(t.all)
}
