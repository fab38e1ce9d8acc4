package bench

import (
	"fmt"
	"math"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

// Cost is what one watcher adds to one packet, which is sent at one end and
// received at the other, so that it passes each hook as often as one packet in
// and one packet out of a host.
type Cost struct {
	Watcher  string    `json:"watcher"`
	Packet   float64   `json:"ns_per_packet"` // median of the rounds
	Added    float64   `json:"ns_added"`      // median of the differences within a round
	Low      float64   `json:"ns_added_low"`  // the quarter of the rounds below
	High     float64   `json:"ns_added_high"` // the quarter above
	Rounds   []float64 `json:"rounds_ns"`
	Relative float64   `json:"relative"` // median of the ratios within a round
}

// Ordinary measures small TCP segments that are no RSTs.
func (b *Bench) Ordinary(watchers []Watcher) ([]Cost, error) {
	return b.costs("ordinary packets", watchers, func() (testkit.Load, error) { return b.pair.TCPTraffic(b.sizes.Packets) })
}

// costs runs the traffic with each watcher in turn, each round in another
// order; the first watcher is the measure.
func (b *Bench) costs(what string, watchers []Watcher, traffic func() (testkit.Load, error)) ([]Cost, error) {
	results := make([]Cost, len(watchers))
	for round := range b.sizes.Rounds {
		for i := range watchers {
			at := (i*rotation(len(watchers)) + round) % len(watchers)
			w, r := watchers[at], &results[at]
			r.Watcher = w.Name
			err := b.run(w, func(watching) error {
				ns, err := b.fastest(traffic)
				r.Rounds = append(r.Rounds, ns)
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", what, err)
			}
		}
		b.logf("%s, round %d of %d", what, round+1, b.sizes.Rounds)
	}
	for i := range results {
		results[i].summarise(results[0].Rounds)
		b.logf("%s, %s: %.1f ns, %+.1f ns (%+.1f to %+.1f)", what, results[i].Watcher,
			results[i].Packet, results[i].Added, results[i].Low, results[i].High)
	}
	return results, nil
}

// rotation is a step that visits all of n, in another order than side by side.
func rotation(n int) int {
	for _, step := range []int{3, 5, 7, 2} {
		if n%step != 0 {
			return step
		}
	}
	return 1
}

// fastest warms up and returns the nanoseconds a packet of the fastest burst:
// what else runs on the machine only ever makes a burst slower.
func (b *Bench) fastest(traffic func() (testkit.Load, error)) (float64, error) {
	best := math.Inf(1)
	for range b.sizes.Bursts {
		load, err := traffic()
		if err != nil {
			return 0, err
		}
		best = min(best, float64(load.Elapsed.Nanoseconds())/float64(max(load.Packets, 1)))
	}
	return best, nil
}

func (c *Cost) summarise(measure []float64) {
	var added, ratios []float64
	for round, ns := range c.Rounds {
		added = append(added, ns-measure[round])
		ratios = append(ratios, ns/measure[round])
	}
	c.Packet, c.Added, c.Relative = median(c.Rounds), median(added), median(ratios)
	c.Low, c.High = quantile(added, 0.25), quantile(added, 0.75)
}
