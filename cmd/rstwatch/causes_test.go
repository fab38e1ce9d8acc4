package main

import (
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/causes"
	"github.com/rstwatch/rstwatch/internal/explain"
	"github.com/rstwatch/rstwatch/internal/query"
)

// TestPagesCommandsAreOurs: a page's command of this program is one that it
// takes, with its flags, its times and its filter.
func TestPagesCommandsAreOurs(t *testing.T) {
	value := func(name, _ string) string {
		return map[string]string{
			"src": "10.0.0.5", "dst": "2001:db8::7", "src_port": "1", "dst_port": "2", "local": "10.0.0.7", "remote": "10.0.0.5",
			"port": "3306", "remote_port": "51334", "pid": "2211", "before": "2026-11-21T15:26:04Z", "after": "2026-11-21T15:28:04Z",
			"hour": "-1h", "day": "-1d", "week": "2026-11-14T15:26:04Z", "caused_by": "01M7ZBFX8DGKHW1VVGKBV905JF",
		}[name]
	}
	ours := 0
	for _, page := range causes.All() {
		for _, check := range page.Checks {
			if !strings.HasPrefix(check.Command, "rstwatch ") {
				continue
			}
			ours++
			command, ok := check.Fill(value)
			if !ok {
				t.Errorf("%s: no value for a placeholder of %s", page.Cause, check.Command)
				continue
			}
			if err := takes(words(command)[1:]); err != nil {
				t.Errorf("%s: %s: %v", page.Cause, command, err)
			}
		}
	}
	if ours < 30 {
		t.Errorf("%d commands of this program on all pages", ours)
	}
}

// words splits a command as a shell does, up to a pipe.
func words(command string) []string {
	var list []string
	for _, word := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(command, -1) {
		if word == "|" {
			break
		}
		list = append(list, strings.Trim(word, "'"))
	}
	return list
}

func takes(args []string) error {
	cmd, rest, err := newRoot(&app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}).Find(args)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	for _, name := range []string{"since", "until"} {
		if flag := cmd.Flag(name); flag != nil {
			if _, err := parseTime(flag.Value.String(), time.Now()); err != nil {
				return err
			}
		}
	}
	switch cmd.Name() {
	case "cat":
		_, err = query.Parse(strings.Join(cmd.Flags().Args(), " "))
	case "explain":
		_, err = explain.ParseTarget(cmd.Flags().Args())
	default:
		if cmd.Args != nil {
			err = cmd.Args(cmd, cmd.Flags().Args())
		}
	}
	return err
}
