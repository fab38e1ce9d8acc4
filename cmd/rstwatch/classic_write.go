package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/classicsetup/write"
)

// setupFlags are what write and install share.
type setupFlags struct {
	setup            write.Setup
	ports, except    string
	rate             string
	firewall, syslog string
}

func (f *setupFlags) add(cmd *cobra.Command) {
	f.setup = write.Default()
	flags := cmd.Flags()
	flags.StringVar(&f.ports, "ports", "", "only resets from or to these `ports`: 80,443,8000-8080")
	flags.StringVar(&f.except, "except", "", "all resets but those from or to these `ports`")
	flags.StringVar(&f.setup.Prefix, "prefix", f.setup.Prefix, "begins each line, by which the syslog daemon knows it")
	flags.StringVar(&f.setup.Path, "path", f.setup.Path, "the log `file`")
	flags.IntVar(&f.setup.Days, "days", f.setup.Days, "how long rotated logs are kept")
	flags.BoolVar(&f.setup.Forward, "forward", false, "also resets that pass through this host: routers, containers, virtual machines")
	flags.BoolVar(&f.setup.Namespaces, "namespaces", false, "let LOG rules inside network namespaces speak too (a sysctl)")
	flags.StringVar(&f.rate, "rate", strconv.Itoa(f.setup.Rate)+"/s", "lines a second at most; what is over it is counted, and said once a second")
	flags.StringVar(&f.firewall, "firewall", string(write.IPTables), "whose rules: iptables or nftables")
	flags.StringVar(&f.syslog, "syslog", string(write.Rsyslog), "which daemon: rsyslog or syslog-ng")
	for name, list := range map[string][]string{"firewall": firewalls, "syslog": daemons} {
		if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // a flag that was not defined above
		}
	}
}

// The words of --firewall and --syslog.
var (
	firewalls = []string{string(write.IPTables), string(write.NFTables)}
	daemons   = []string{string(write.Rsyslog), string(write.SyslogNG)}
)

// read checks what was given.
func (f *setupFlags) read() (*write.Setup, write.Choice, error) {
	choice := write.Choice{Firewall: write.Part(f.firewall), Syslog: write.Part(f.syslog)}
	if !slices.Contains(firewalls, f.firewall) {
		return nil, choice, usagef("--firewall %q: not one of %s", f.firewall, strings.Join(firewalls, ", "))
	}
	if !slices.Contains(daemons, f.syslog) {
		return nil, choice, usagef("--syslog %q: not one of %s", f.syslog, strings.Join(daemons, ", "))
	}
	for _, list := range []struct {
		flag, text string
		into       *[]write.Ports
	}{{"ports", f.ports, &f.setup.Ports}, {"except", f.except, &f.setup.Except}} {
		if list.text == "" {
			continue
		}
		ports, err := write.ParsePorts(list.text)
		if err != nil {
			return nil, choice, usagef("--%s: %w", list.flag, err)
		}
		*list.into = ports
	}
	number := strings.TrimSuffix(strings.TrimSuffix(f.rate, "/second"), "/s")
	rate, err := strconv.Atoi(number)
	if err != nil {
		return nil, choice, usagef("--rate %q: a number of lines a second, such as 1000/s", f.rate)
	}
	f.setup.Rate = rate
	if err := f.setup.Validate(); err != nil {
		return nil, choice, usagef("%w", err)
	}
	return &f.setup, choice, nil
}

func newClassicWriteCommand(a *app) *cobra.Command {
	var f setupFlags
	var into, owner string
	var parts []string
	for _, part := range write.Parts() {
		parts = append(parts, string(part))
	}
	cmd := &cobra.Command{
		Use:   "write [FILE]...",
		Short: "Write the files of a classic set-up that is right",
		Long: `Prints the files of a set-up, or the named ones of them, or writes them into a
directory as they would lie on a host. Nothing on this host changes.

The rules have chains (iptables) or a table (nftables) of their own and touch
nobody else's; they cover IPv4 and IPv6, and limit their lines. The daemon finds
the lines with and without the kernel's time stamp, and keeps them out of its
other logs. The rotation renames, and leaves the log append-only even where it
fails.

Files: ` + strings.Join(parts[:6], ", ") + `,
` + strings.Join(parts[6:], ", ") + `. Without a name those that --firewall and
--syslog call for.`,
		Example: `  rstwatch classic write --except 3406 --prefix '[drds]' --path /var/log/drds-tcp.log --into /tmp/classic
  rstwatch classic write nftables --ports 80,443 --forward | nft -c -f -
  rstwatch classic write rsyslog | rsyslogd -N1 -f /dev/stdin`,
		ValidArgs: parts,
		RunE: func(_ *cobra.Command, args []string) error {
			if owner != "" {
				f.setup.Owner, f.setup.Group, _ = strings.Cut(owner, ":")
			}
			files, err := f.files(args, parts)
			switch {
			case err != nil:
				return err
			case into != "":
				return a.writeInto(into, files)
			}
			return a.printFiles(files)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&owner, "owner", "", "`USER:GROUP` of the log (default root:root); rsyslog must be able to write to it")
	cmd.Flags().StringVar(&into, "into", "", "write the files below this `directory` instead of printing them")
	return cmd
}

// files makes the named files, or all that the programs call for.
func (f *setupFlags) files(args, known []string) ([]write.File, error) {
	setup, choice, err := f.read()
	if err != nil {
		return nil, err
	}
	names := setup.Parts(choice)
	if len(args) > 0 {
		names = nil
	}
	for _, arg := range args {
		if !slices.Contains(known, arg) {
			return nil, usagef("%q is none of the files\nhint: known: %s", arg, strings.Join(known, ", "))
		}
		names = append(names, write.Part(arg))
	}
	var files []write.File
	for _, name := range names {
		with := choice
		if name == write.SyslogNG {
			with.Syslog = write.SyslogNG // alone, a file is for the program that it goes with
		}
		file, err := setup.File(name, with)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// printFiles prints the files, one ready for a pipe, several each with its place before it.
func (a *app) printFiles(files []write.File) error {
	for i, file := range files {
		if len(files) > 1 {
			fmt.Fprintf(a.stdout, "%s==> %s <==\n", strings.Repeat("\n", min(i, 1)), file.Path)
		}
		if _, err := fmt.Fprint(a.stdout, file.Text); err != nil {
			return err
		}
	}
	return nil
}

// writeInto writes the files below a directory, and over none that is somebody else's.
func (a *app) writeInto(dir string, files []write.File) error {
	for _, file := range files {
		path := filepath.Join(dir, file.Path)
		old, err := os.ReadFile(path)
		if marked, _ := write.IsMarked(string(old)); err == nil && !marked {
			return fmt.Errorf("writing %q: a file that is not from this command is there: move it away first", path)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(file.Text), file.Mode); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(a.stdout, path); err != nil {
			return err
		}
	}
	return nil
}
