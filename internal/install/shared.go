package install

import (
	"context"
	"io"
	"os"
)

// What other installers of this program need too.

// NewChange makes a change of another package's, for the same dry run and the same Apply. A nil apply changes nothing
// and says so.
func NewChange(action, path, detail string, apply func(context.Context) error) Change {
	return Change{Action: action, Path: path, Detail: detail, apply: apply}
}

// Optional makes a failure of the change no reason to stop.
func (c Change) Optional() Change {
	if c.apply == nil {
		return c
	}
	return c.optional()
}

// RunCommand runs a command of the system and returns what it said if it failed.
func RunCommand(ctx context.Context, name string, arguments ...string) error {
	return runCommand(ctx, name, arguments...)
}

// ReplaceFile writes a file so that it is there either as it was or complete, with its owner as before.
func ReplaceFile(path string, content io.Reader, mode os.FileMode) error {
	return replaceFile(path, content, mode)
}

// Detect finds out what starts programs at boot below a root.
func Detect(root string) Init { return (&installation{Options: Options{Root: root}}).detect() }

// RCLocalPath finds rc.local below a root, or where it would be.
func RCLocalPath(root string) string {
	return (&installation{Options: Options{Root: root}}).rcLocalPath()
}
