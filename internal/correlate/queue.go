package correlate

// queue holds the resets that wait, oldest first, and keeps the places of
// those that went for the next.
type queue struct {
	oldest, newest *pending
	free           *pending
	length         int
}

// push appends a place; its content is that of an earlier reset until begin.
func (q *queue) push() *pending {
	p := q.free
	if p != nil {
		q.free = p.newer
	} else {
		p = new(pending)
	}
	p.older, p.newer = q.newest, nil
	if q.newest != nil {
		q.newest.newer = p
	} else {
		q.oldest = p
	}
	q.newest = p
	q.length++
	return p
}

func (q *queue) remove(p *pending) {
	if p.older != nil {
		p.older.newer = p.newer
	} else {
		q.oldest = p.newer
	}
	if p.newer != nil {
		p.newer.older = p.older
	} else {
		q.newest = p.older
	}
	p.older, p.newer = nil, q.free
	q.free = p
	q.length--
}
