package daemon

import (
	"slices"
	"sync"
	"time"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/clock"
	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/enrich/process"
	"github.com/rstwatch/rstwatch/internal/recall"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Recorder is where finished resets go first: the journal, or a terminal.
type Recorder interface {
	// Append takes the entries and keeps nothing of them.
	Append(entries []reset.Entry) error
	// Flush puts what Append took where others can see it.
	Flush() error
}

// Enricher adds to a record what neither the packet nor the socket says: the
// container, the firewall's rule. It is called once before a reset's first
// revision and once before its last, with what the sensor knew around it (nil:
// nothing). A storm passes through it, so it must not wait: what takes long is
// looked up elsewhere and there for the last revision.
type Enricher interface {
	Enrich(r *reset.Reset, c *reset.Context)
}

// Wanting is an Enricher that may know more of a reset by its last revision. It is
// asked of those alone that have none else: whose verdict nothing can change.
type Wanting interface {
	Wants(r *reset.Reset) bool
}

// Place is what a pipeline knows of where it runs.
type Place struct {
	Host   string
	BootID string
	Origin reset.Origin
	Names  func(netns uint64) (name string, ok bool) // may be nil
	// Unwatched is put into every record: what this capture cannot know. Nil
	// where it watches all.
	Unwatched *reset.Evidence
	// Early adds what the verdict is made of, before it is made; Enrichers the rest,
	// in this order.
	Early, Enrichers []Enricher
	// OtherEnd says in which namespace of this host a RST's source is; nil: nobody
	// knows.
	OtherEnd func(*reset.Reset) (reset.Netns, bool)
	// Tracked is how this host translates the connection whose other end's packets
	// have a RST's addresses turned round; nil: nobody asks.
	Tracked func(*reset.Reset) *reset.NAT
	// AddressCame is how long before a RST its source's address had come to this
	// host, beside another; nil: nobody asks.
	AddressCame func(*reset.Reset) (agoNS int64, ok bool)
}

// Pipeline turns sightings into recorded resets. Its methods may be called by
// several goroutines.
type Pipeline struct {
	place    Place
	recorder Recorder
	keep     func(*reset.Reset) bool // nil keeps all
	problem  func(error)
	proc     *process.Reader

	mu       sync.Mutex
	joiner   *correlate.Correlator
	memory   *recall.Memory
	judged   attribute.Case // the one at hand
	latest   int64          // monotonic time up to which sightings were told
	position uint64
	counts   PipelineCounts
	perNetns map[uint64]*NetnsCounts
	entry    [1]reset.Entry
	appended int // resets that the recorder has not flushed
	recent   struct {
		netns  reset.Netns // as the sighting bore it
		name   string
		counts *NetnsCounts // nil: look all of it up
	}
	timer   *time.Timer
	stopped bool
	window  time.Duration
}

// PipelineCounts is what became of the sightings:
// Added = Primary + Joined + Filtered + Pending.
type PipelineCounts struct {
	Added, Primary, Joined, Filtered, Pending uint64
	// Resets were handed to the recorder.
	Resets uint64
}

// NetnsCounts is what was recorded of one namespace.
type NetnsCounts struct {
	Netns  reset.Netns
	Resets uint64
	// SentByTCP are those of which tcp_send_reset told, recorded or not.
	SentByTCP uint64
}

// NewPipeline returns a pipeline. problem is told when the recorder does not
// take a reset.
func NewPipeline(cfg correlate.Config, place Place, recorder Recorder, keep func(*reset.Reset) bool, problem func(error)) (*Pipeline, error) {
	p := &Pipeline{
		place: place, recorder: recorder, keep: keep, problem: problem,
		proc: process.New("/proc"), perNetns: make(map[uint64]*NetnsCounts), window: cfg.Window,
	}
	var err error
	if p.joiner, err = correlate.New(cfg, p.finish); err != nil {
		return nil, err
	}
	remembering := recall.DefaultConfig()
	remembering.Tracked, remembering.AddressCame = place.Tracked, place.AddressCame
	remembering.OtherEnd, remembering.Wants = place.OtherEnd, laterWants(place.Enrichers)
	if p.memory, err = recall.New(remembering); err != nil {
		return nil, err
	}
	p.timer = time.AfterFunc(time.Hour, p.tick)
	return p, nil
}

// laterWants asks all who may add to a record later; nil: there is nobody.
func laterWants(enrichers []Enricher) func(*reset.Reset) bool {
	var askers []Wanting
	for _, e := range enrichers {
		if asker, ok := e.(Wanting); ok {
			askers = append(askers, asker)
		}
	}
	if len(askers) == 0 {
		return nil
	}
	return func(r *reset.Reset) bool {
		return slices.ContainsFunc(askers, func(asker Wanting) bool { return asker.Wants(r) })
	}
}

// Add takes a batch of sightings; it keeps nothing of it.
func (p *Pipeline) Add(batch []reset.Sighting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recent.counts = nil // a namespace's name may have come or gone
	p.joiner.Add(batch)
	if len(batch) > 0 {
		p.recall(batch[len(batch)-1].MonoNS - int64(p.window))
	}
	if len(batch) >= fullBatch && p.appended < flushAt && !p.stopped {
		p.timer.Reset(deferral)
		return
	}
	p.settle()
}

// A batch as long as fullBatch says that more waits behind it: then the recorder
// is flushed for every flushAt resets, or after the deferral if nothing follows,
// since a flush costs a system call and a block of its own.
const (
	fullBatch = 256
	flushAt   = 2048
	deferral  = 5 * time.Millisecond
)

// deliveryLag is how long a sighting may take from its event to the pipeline,
// for sensors that give no watermark.
const deliveryLag = 250 * time.Millisecond

// tick lets go of what has waited long enough, when nothing else comes.
func (p *Pipeline) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	p.recent.counts = nil
	mono := clock.Now().Mono - int64(deliveryLag)
	p.joiner.Flush(mono)
	p.recall(mono - int64(p.window))
	p.settle()
}

// recall writes the last revision of the resets whose time is over. What was
// told up to mono has left the joining.
func (p *Pipeline) recall(mono int64) {
	if p.latest = max(p.latest, mono); p.memory.Idle() {
		return
	}
	p.memory.Advance(p.latest, p.revise)
}

func (p *Pipeline) settle() {
	if p.appended > 0 {
		p.appended = 0
		if err := p.recorder.Flush(); err != nil {
			p.problem(err)
		}
	}
	switch {
	case p.stopped:
	case p.joiner.Waiting() > 0:
		p.timer.Reset(p.window + deliveryLag)
	case !p.memory.Idle():
		p.timer.Reset(deliveryLag)
	}
}

// Drain lets go of everything that waits: no further sighting will come.
func (p *Pipeline) Drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.timer.Stop()
	p.joiner.Drain()
	p.memory.Drain(p.revise)
	p.settle()
}

// finish is called by the joining for each reset.
func (p *Pipeline) finish(r *reset.Reset, joined correlate.Joined) {
	if joined.Foreign {
		p.counts.Filtered += joined.Sightings
		return
	}
	p.position++
	r.ID = p.place.Origin.NewID(int64(r.Time), p.position)
	r.Revision = 1
	if r.Host == "" {
		r.Host, r.BootID = p.place.Host, p.place.BootID
	}
	perNetns := p.netns(r)
	c := &p.judged
	*c = attribute.Case{Reset: r, Origin: joined.Origin, Context: joined.Context}
	for _, e := range p.place.Early {
		e.Enrich(r, c.Context)
	}
	p.memory.Judge(c)
	p.proc.Fill(r.Process)
	p.enrich(c)
	if r.Sources.Has(reset.TCPSendReset) {
		perNetns.SentByTCP++
	}
	if p.keep != nil && !p.keep(r) {
		p.memory.Note(c, false)
		p.counts.Filtered += joined.Sightings
		return
	}
	p.memory.Note(c, true)
	p.counts.Primary++
	p.counts.Joined += joined.Sightings - 1
	p.counts.Resets++
	perNetns.Resets++
	p.append(r)
}

func (p *Pipeline) append(r *reset.Reset) {
	p.entry[0] = reset.Entry{Reset: r}
	p.appended++
	if err := p.recorder.Append(p.entry[:]); err != nil {
		p.problem(err)
	}
}

// revise writes the last revision of a reset. It is counted nowhere: the first
// was.
func (p *Pipeline) revise(c *attribute.Case) {
	p.enrich(c)
	p.append(c.Reset)
}

// enrich adds what others know of the reset, once it was judged.
func (p *Pipeline) enrich(c *attribute.Case) {
	if p.place.Unwatched != nil {
		c.Reset.Evidence = append(slices.Clip(c.Reset.Evidence), *p.place.Unwatched)
	}
	for _, e := range p.place.Enrichers {
		e.Enrich(c.Reset, c.Context)
	}
}

// maxNetnsCounts bounds the table of namespaces; the rest is counted under 0.
const maxNetnsCounts = 4096

// netns names the reset's namespace and returns its counts. The one that was
// looked up last is found without doing so again, which is what a storm needs.
func (p *Pipeline) netns(r *reset.Reset) *NetnsCounts {
	if p.recent.counts == nil || p.recent.netns != r.Netns {
		p.recent.netns, p.recent.name = r.Netns, r.Netns.Name
		if p.place.Names != nil && r.Netns.Name == "" {
			p.recent.name, _ = p.place.Names(r.Netns.ID)
		}
		r.Netns.Name = p.recent.name
		p.recent.counts = p.countsOf(r)
	}
	r.Netns.Name = p.recent.name
	return p.recent.counts
}

func (p *Pipeline) countsOf(r *reset.Reset) *NetnsCounts {
	c := p.perNetns[r.Netns.ID]
	if c == nil {
		id := r.Netns.ID
		if len(p.perNetns) >= maxNetnsCounts {
			id = 0
		}
		if c = p.perNetns[id]; c == nil {
			c = &NetnsCounts{Netns: r.Netns}
			p.perNetns[id] = c
		}
	}
	return c
}

// Counts returns the account so far.
func (p *Pipeline) Counts() PipelineCounts {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, joined := p.counts, p.joiner.Counts()
	c.Added, c.Pending = joined.Added, joined.Pending
	return c
}

// Revisions returns what became of verdicts that may improve.
func (p *Pipeline) Revisions() recall.Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.memory.Counts()
}

// TakeNetns returns what was counted per namespace since the last call.
func (p *Pipeline) TakeNetns() map[uint64]*NetnsCounts {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.perNetns
	p.perNetns = make(map[uint64]*NetnsCounts)
	p.recent.counts = nil
	return taken
}
