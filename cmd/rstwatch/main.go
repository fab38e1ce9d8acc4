// Command rstwatch records every TCP reset of a host and says who sent it and
// why.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is stamped in by the build.
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// Who closes the pipe has seen enough: the write then gives an error, which
	// ends a command as it should, instead of a signal that kills it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
