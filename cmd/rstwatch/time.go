package main

import (
	"strings"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// timeForms are the ways to write a point in time, in local time where they
// name no zone.
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"}

// parseTime reads a point in time; empty is none (0).
func parseTime(text string, now time.Time) (reset.Time, error) {
	switch text {
	case "":
		return 0, nil
	case "now":
		return reset.TimeOf(now), nil
	case "today", "yesterday":
		y, m, d := now.Local().Date()
		if text == "yesterday" {
			d--
		}
		return reset.TimeOf(time.Date(y, m, d, 0, 0, 0, 0, time.Local)), nil
	}
	if strings.HasPrefix(text, "-") {
		if d, err := parseSpan(text[1:]); err == nil {
			return reset.TimeOf(now.Add(-d)), nil
		}
	}
	for _, form := range timeForms {
		if t, err := time.ParseInLocation(form, text, time.Local); err == nil {
			return reset.TimeOf(t), nil
		}
	}
	for _, form := range []string{"15:04:05", "15:04"} {
		if t, err := time.ParseInLocation(form, text, time.Local); err == nil {
			y, m, d := now.Local().Date()
			return reset.TimeOf(time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, time.Local)), nil
		}
	}
	return 0, usagef("time %q: not RFC 3339, 2026-11-23 15:27, 15:27 (today), yesterday or -1h", text)
}

// parseSpan reads a duration, with days.
func parseSpan(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		return d * 24, err
	}
	return time.ParseDuration(text)
}
