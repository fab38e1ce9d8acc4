package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestErrorsAreCleaned: a message may quote what somebody else wrote.
func TestErrorsAreCleaned(t *testing.T) {
	var stderr bytes.Buffer
	a := &app{stderr: &stderr}
	a.status(usagef("rules:3: \x1b[2J\u202egarbage\r is no command\n\tline two\nhint: \x07ring"))
	want := "rstwatch: rules:3: ?[2J?garbage? is no command\n line two\nhint: ?ring\n"
	if diff := cmp.Diff(want, stderr.String()); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	stderr.Reset()
	a.status(errors.New("größer als 10 µs …"))
	if diff := cmp.Diff("rstwatch: größer als 10 µs …\n", stderr.String()); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}
