package install

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rstwatch/rstwatch/packaging"
)

const unitName = "rstwatch.service"

// enabledPath is the link that "systemctl enable" makes, from WantedBy=multi-user.target.
const enabledPath = "/etc/systemd/system/multi-user.target.wants/" + unitName

// unit returns the text of the unit for this installation.
func (i *installation) unit() string {
	words := []string{systemdQuote(i.binary), "run"}
	for _, argument := range i.Arguments {
		words = append(words, systemdQuote(argument))
	}
	text := strings.Replace(packaging.Service,
		"ExecStart="+packaging.ServiceBinary+" run\n", "ExecStart="+strings.Join(words, " ")+"\n", 1)
	if i.Group != "rstwatch" {
		group := ""
		if i.Group != "" {
			group = "Group=" + i.Group + "\n"
		}
		text = strings.Replace(text, "Group=rstwatch\n", group, 1)
	}
	return text
}

// systemdQuote writes one word of an ExecStart line: systemd.service(5), "Command lines", and systemd.unit(5),
// "Specifiers".
func systemdQuote(word string) string {
	word = strings.NewReplacer("%", "%%", "$", "$$", `\`, `\\`, `"`, `\"`).Replace(word)
	if word == "" || strings.ContainsAny(word, " '\";\\") {
		return `"` + word + `"`
	}
	return word
}

// planUnit writes and enables the unit and, on this machine, starts it.
func (i *installation) planUnit() ([]Change, error) {
	text := i.unit()
	action, err := i.own(unitPath, textHash(text))
	if err != nil {
		return nil, err
	}
	var changes []Change
	if action != "" {
		changes = append(changes, Change{
			Action: action, Path: unitPath, Detail: "systemd unit",
			apply: func(context.Context) error { return replaceFile(i.at(unitPath), strings.NewReader(text), 0o644) },
		})
	}
	_, err = os.Lstat(i.at(enabledPath))
	enable := err != nil
	i.new.Enabled = i.old.Enabled || enable
	switch {
	case !i.live():
		if enable {
			changes = append(changes, i.link())
		}
		return changes, nil
	case action != "":
		changes = append(changes, i.command("systemd reads the unit", "systemctl", "daemon-reload"))
	}
	if enable {
		changes = append(changes, i.command("starts it at boot", "systemctl", "enable", unitName))
	}
	if action != "" || enable {
		changes = append(changes, i.command("starts it now", "systemctl", "restart", unitName))
	}
	return changes, nil
}

// link enables the unit in a root where no systemd runs, as "systemctl --root" would.
func (i *installation) link() Change {
	return Change{
		Action: "create", Path: enabledPath, Detail: "link to " + unitPath,
		apply: func(context.Context) error {
			if err := os.MkdirAll(filepath.Dir(i.at(enabledPath)), 0o755); err != nil {
				return err
			}
			return os.Symlink(unitPath, i.at(enabledPath))
		},
	}
}

// planDisable stops the unit and takes it out of the start at boot.
func (i *installation) planDisable() []Change {
	if i.live() {
		changes := []Change{i.command("", "systemctl", "stop", unitName).optional()}
		if i.old.Enabled {
			changes = append(changes, i.command("", "systemctl", "disable", unitName).optional())
		}
		return changes
	}
	if _, err := os.Lstat(i.at(enabledPath)); err != nil || !i.old.Enabled {
		return nil
	}
	return []Change{{
		Action: "remove", Path: enabledPath,
		apply: func(context.Context) error { return os.Remove(i.at(enabledPath)) },
	}}
}

// planReload tells systemd that the unit is gone.
func (i *installation) planReload() []Change {
	if !i.live() {
		return nil
	}
	return []Change{
		i.command("", "systemctl", "daemon-reload").optional(),
		i.command(fmt.Sprintf("forgets that %s ever failed", unitName), "systemctl", "reset-failed", unitName).optional(),
	}
}
