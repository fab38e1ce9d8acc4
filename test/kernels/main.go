// Kernels runs the lab's tests on other kernels: it boots Debian's cloud kernels one after the other in QEMU, without
// any hardware help, with an initial file system that holds nothing but the test binaries and what they call, and
// holds what passes, fails and cannot be done there against what is written down in matrix.go.
//
//	go run ./test/kernels [-cache DIRECTORY] [-v] [-run PATTERN] [KERNEL...]
//
// It needs no rights: the machines are processes. Kernels come from the Debian mirror of this machine (fetch.sh).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	o := options{}
	flag.StringVar(&o.cache, "cache", ".cache/kernels", "`directory` for kernels, images and output")
	flag.StringVar(&o.pattern, "run", "", "only tests that match the `pattern` (go test -run); nothing is then held against the matrix")
	flag.BoolVar(&o.verbose, "v", false, "print the whole output of the suites")
	flag.DurationVar(&o.limit, "limit", 20*time.Minute, "end a machine that takes longer than this")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(1)
	}
}

type options struct {
	cache   string
	pattern string
	verbose bool
	limit   time.Duration
}

func run(ctx context.Context, o options, names []string) error {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	if o.cache, err = filepath.Abs(o.cache); err != nil {
		return err
	}
	binaries := filepath.Join(o.cache, "bin")
	if err := compile(ctx, binaries); err != nil {
		return err
	}
	var results []result
	for _, k := range chosen {
		fmt.Printf("%s: booting the newest kernel of %s\n", k.name, k.suite)
		r, err := try(ctx, o, k, binaries)
		if err != nil {
			return fmt.Errorf("kernel %s: %w", k.name, err)
		}
		results = append(results, r)
		r.print(os.Stdout, o.verbose)
	}
	if o.pattern != "" {
		return nil
	}
	printMatrix(os.Stdout, results, suiteNames())
	for _, r := range results {
		if len(r.surprises(suiteNames(), gaps)) > 0 {
			err = errors.New("a kernel does not do what is written down for it (test/kernels/matrix.go, losses_test.go)")
		}
	}
	return err
}

// compile builds the test binaries and the programs, static, so that they need nothing beside them.
func compile(ctx context.Context, into string) error {
	if err := os.RemoveAll(into); err != nil {
		return err
	}
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	build := func(arguments ...string) error {
		cmd := exec.CommandContext(ctx, "go", arguments...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", strings.Join(arguments, " "), err, out)
		}
		return nil
	}
	for _, s := range tests {
		if err := build("test", "-c", "-o", filepath.Join(into, s.binary()), "./"+s.pkg); err != nil {
			return err
		}
	}
	for name, pkg := range map[string]string{"init": "./test/kernels/init", "rstwatch": "./cmd/rstwatch"} {
		if err := build("build", "-trimpath", "-o", filepath.Join(into, name), pkg); err != nil {
			return err
		}
	}
	return nil
}

// try fetches a kernel, boots it and reads what it said.
func try(ctx context.Context, o options, k kernel, binaries string) (result, error) {
	fetch := exec.CommandContext(ctx, "test/kernels/fetch.sh", o.cache, k.suite)
	fetch.Stderr = os.Stderr
	out, err := fetch.Output()
	if err != nil {
		return result{}, fmt.Errorf("fetching it: %w", err)
	}
	files := kernelFiles{root: filepath.Join(o.cache, k.suite, "root"), release: strings.TrimSpace(string(out))}
	m := machine{
		initrd:  filepath.Join(o.cache, k.suite, "initrd"),
		output:  filepath.Join(o.cache, k.suite, "output"),
		console: filepath.Join(o.cache, k.suite, "console"),
		limit:   o.limit,
	}
	if m.kernel, err = files.image(); err != nil {
		return result{}, err
	}
	if err := buildImage(m.initrd, files, binaries, suites(o.pattern)); err != nil {
		return result{}, err
	}
	var r result
	for range boots {
		start := time.Now()
		if err := m.run(ctx); err != nil {
			return result{}, err
		}
		r = result{kernel: k, release: files.release, output: m.output, took: time.Since(start)}
		if err := r.read(); err != nil || len(r.suites) > 0 {
			return r, err
		}
		fmt.Printf("%s: it died before the first test; %s has its last words\n", k.name, m.console)
	}
	return r, nil
}

// boots is how often a machine is booted that says nothing at all: now and then
// the emulation trips over a kernel that rewrites its own code on the way up.
const boots = 3
