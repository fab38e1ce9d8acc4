package daemon

import (
	"context"
	"errors"
	"log/slog"

	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/correlate"
)

// Watch captures into a recorder until ctx ends, keeping nothing on disk.
func Watch(ctx context.Context, cfg *config.Config, recorder Recorder, ready func(Status), log *slog.Logger) (SensorCounts, error) {
	background, stop := context.WithCancel(context.Background())
	defer stop()
	want, err := newWants(cfg, log)
	if err != nil {
		return SensorCounts{}, err
	}
	tracker, err := startTracker(background, cfg, log)
	if err != nil {
		return SensorCounts{}, err
	}
	for _, text := range want.unknown(tracker) {
		log.Warn(text)
	}
	capture, attempts, err := choose(Choices(cfg.Capture.Sensor), cfg, tracker, want, log)
	if err != nil {
		return SensorCounts{}, err
	}
	joining := correlate.DefaultConfig()
	joining.Window = cfg.Capture.JoinWindow.Std()
	var failed error
	capturing, cancel := context.WithCancel(ctx)
	defer cancel()
	place := Here(tracker.Lookup)
	place.Unwatched = capture.Unwatched
	enrich, err := newEnrichment(cfg, tracker)
	if err != nil {
		return SensorCounts{}, err
	}
	place.Early, place.Enrichers = enrich.early(), enrich.enrichers()
	place.OtherEnd = newOtherEnd(capture, tracker.List)
	place.Tracked, place.AddressCame = enrich.tracked(), enrich.addressCame()
	go enrich.run(background)
	line, err := NewPipeline(joining, place, recorder, want.keep(), func(err error) {
		if failed == nil {
			failed = err
			cancel()
		}
	})
	if err != nil {
		return SensorCounts{}, err
	}
	err = capture.Sensor.Run(capturing, func() {
		if ready != nil {
			ready(Status{Sensor: capture.Name, Attempts: attempts, Namespaces: watching(tracker, want.netns)})
		}
	}, line.Add)
	line.Drain()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return capture.Counts(), errors.Join(err, failed)
}
