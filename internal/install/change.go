package install

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Change is one thing to do to the machine.
type Change struct {
	Action string // create, replace, edit, remove, run, keep
	Path   string // what is changed, inside the root; for run the command line
	Detail string // what it becomes, in words

	apply func(ctx context.Context) error
}

// String tells the change in one line.
func (c Change) String() string {
	text := fmt.Sprintf("%-7s %s", c.Action, c.Path)
	if c.Detail != "" {
		text += "  (" + c.Detail + ")"
	}
	return text
}

// Apply makes the changes in order and calls done after each. It stops at the first that fails: what was done by
// then stays, stands in the record, and a removal undoes it.
func Apply(ctx context.Context, changes []Change, done func(Change)) error {
	for _, change := range changes {
		if change.apply != nil {
			if err := change.apply(ctx); err != nil {
				return fmt.Errorf("%s %s: %w", change.Action, change.Path, err)
			}
		}
		if done != nil {
			done(change)
		}
	}
	return nil
}

// command is a Change that runs a command of the system.
func (i *installation) command(detail, name string, arguments ...string) Change {
	return Change{
		Action: "run", Path: strings.Join(append([]string{name}, arguments...), " "), Detail: detail,
		apply: func(ctx context.Context) error { return i.Run(ctx, name, arguments...) },
	}
}

// optional makes a failure of the change no reason to stop: of a service that is not running any more, for example.
func (c Change) optional() Change {
	apply := c.apply
	c.apply = func(ctx context.Context) error {
		_ = apply(ctx) // that it may fail is the point
		return ctx.Err()
	}
	return c
}

// runCommand runs a command and returns what it said if it failed.
func runCommand(ctx context.Context, name string, arguments ...string) error {
	command := exec.CommandContext(ctx, name, arguments...)
	command.Env = append(os.Environ(), "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C")
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(output))
	}
	return nil
}
