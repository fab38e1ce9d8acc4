package bench

import (
	"fmt"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// StormResult is what one recorder made of the storms.
type StormResult struct {
	Recorder  string    `json:"recorder"`
	PerSecond []float64 `json:"resets_per_second"`    // that the host still made, a storm each
	OfNothing float64   `json:"of_nothing,omitempty"` // median of the ratios within a round
	Made      uint64    `json:"made"`                 // TcpOutRsts, all storms together
	Recorded  uint64    `json:"recorded"`
	Records   bool      `json:"records"`
}

// Storm floods a closed port with SYNs, once with each recorder in turn, and
// counts the answers that the kernel made and those that were recorded.
func (b *Bench) Storm(recorders []Watcher) ([]StormResult, error) {
	results := make([]StormResult, len(recorders))
	for i := range recorders {
		results[i].Recorder = recorders[i].Name
	}
	for round := range b.sizes.StormRounds {
		for i, w := range recorders {
			err := b.run(w, func(running watching) error { return b.storm(running, &results[i]) })
			if err != nil {
				return nil, err
			}
			r := &results[i]
			b.logf("storm %d, %s: %.0f RST/s, recorded %d of %d", round, w.Name, r.PerSecond[round], r.Recorded, r.Made)
		}
	}
	for i := range results {
		var ratios []float64
		for round := range b.sizes.StormRounds {
			ratios = append(ratios, results[i].PerSecond[round]/results[0].PerSecond[round])
		}
		results[i].OfNothing = median(ratios)
	}
	return results, nil
}

func (b *Bench) storm(running watching, r *StormResult) error {
	load, err := b.pair.Storm(reset.IPv4, b.sizes.Storm)
	if err != nil {
		return err
	}
	r.PerSecond = append(r.PerSecond, load.PerSecond())
	r.Made += load.Packets
	if running.recorded == nil {
		return nil
	}
	recorded, err := running.recorded()
	if err != nil {
		return fmt.Errorf("counting what was recorded: %w", err)
	}
	r.Records = true
	r.Recorded += recorded
	return nil
}
