package install

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"
)

// The marks around our lines in rc.local. They are looked for as whole lines.
const (
	rcBegin = "# BEGIN rstwatch (written by rstwatch install, removed by rstwatch uninstall)"
	rcEnd   = "# END rstwatch"
)

// rcLocalPath finds the file: where one exists it is that one, through a link if it is one (as on RHEL, where it
// leads to rc.d/rc.local); else RHEL's place if its directory exists, else Debian's.
func (i *installation) rcLocalPath() string {
	const debian, redHat = "/etc/rc.local", "/etc/rc.d/rc.local"
	name := debian
	for range 8 { // a chain of links that is longer is a loop
		target, err := os.Readlink(i.at(name))
		if err != nil {
			break
		}
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(name), target)
		}
		name = target
	}
	if _, err := os.Stat(i.at(name)); err == nil {
		return name
	}
	if info, err := os.Stat(i.at(path.Dir(redHat))); err == nil && info.IsDir() {
		return redHat
	}
	return debian
}

// rcBlock is what we add. rc.local must not wait for the daemon. Its messages go to a file: a pipe to logger(1) would
// break when the machine goes down, and take the daemon along before it has written its last records.
func (i *installation) rcBlock() string {
	words := []string{shellQuote(i.binary), "run"}
	for _, argument := range i.Arguments {
		words = append(words, shellQuote(argument))
	}
	return fmt.Sprintf("%s\n[ -e %s/disabled ] || %s </dev/null >/dev/null 2>>%s &\n%s\n",
		rcBegin, configDir, strings.Join(words, " "), messagesPath, rcEnd)
}

// shellQuote writes one word for the shell.
func shellQuote(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,@+", r)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Block is lines between two marks.
type Block struct{ Begin, End string }

// ours is the block of this package.
var ours = Block{rcBegin, rcEnd}

// Without takes the block out of a text and tells whether there was one. A beginning without an end is left alone:
// what follows it is not known to be ours.
func (m Block) Without(text string) (rest string, found bool) {
	begin := lineIndex(text, m.Begin)
	if begin < 0 {
		return text, false
	}
	length := lineIndex(text[begin:], m.End)
	if length < 0 {
		return text, false
	}
	after := text[begin+length+len(m.End):]
	return text[:begin] + strings.TrimPrefix(after, "\n"), true
}

// InRCLocal puts the block with these lines where rc.local takes it, in place of an older one.
func (m Block) InRCLocal(text, lines string) string {
	rest, _ := m.Without(text)
	return withBlock(rest, m.Begin+"\n"+lines+m.End+"\n")
}

// lineIndex finds a whole line.
func lineIndex(text, line string) int {
	for at := 0; at <= len(text); {
		next := strings.Index(text[at:], line)
		if next < 0 {
			return -1
		}
		at += next
		end := at + len(line)
		if (at == 0 || text[at-1] == '\n') && (end == len(text) || text[end] == '\n') {
			return at
		}
		at = end
	}
	return -1
}

// withBlock puts our lines before a last "exit 0", which Debian's rc.local ends with, else at the end.
func withBlock(text, block string) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	trimmed := strings.TrimRight(text, " \t\n")
	if before, isLast := strings.CutSuffix(trimmed, "exit 0"); isLast && (before == "" || strings.HasSuffix(before, "\n")) {
		return before + block + text[len(before):]
	}
	return text + block
}

// planRCLocal adds the block, or brings it up to date.
func (i *installation) planRCLocal() ([]Change, error) {
	name := i.rcLocalPath()
	note := &rcLocalRecord{Path: name}
	if i.old.RCLocal != nil {
		*note = *i.old.RCLocal
		name = note.Path
	}
	text, mode := "#!/bin/sh\n", os.FileMode(0o755)
	info, err := os.Stat(i.at(name))
	action, detail := "create", "executable, starts rstwatch"
	if err == nil {
		content, err := os.ReadFile(i.at(name))
		if err != nil {
			return nil, fmt.Errorf("reading %q: %w", name, err)
		}
		text, mode, action, detail = string(content), info.Mode().Perm(), "edit", "starts rstwatch"
		if mode&0o111 == 0 {
			note.Mode, detail = mode, "starts rstwatch; made executable"
			mode |= 0o111
		}
	} else {
		note.Created = true
	}
	i.new.RCLocal = note
	rest, _ := ours.Without(text)
	changed := withBlock(rest, i.rcBlock())
	if err == nil && changed == text && mode == info.Mode().Perm() {
		return nil, nil
	}
	return []Change{{
		Action: action, Path: name, Detail: detail,
		apply: func(context.Context) error { return replaceFile(i.at(name), strings.NewReader(changed), mode) },
	}}, nil
}

// planRemoveBlock takes the block out again, and the file too if it was ours and nothing else has come into it.
func (i *installation) planRemoveBlock() ([]Change, error) {
	note := i.old.RCLocal
	if note == nil {
		return nil, nil
	}
	content, err := os.ReadFile(i.at(note.Path))
	if os.IsNotExist(err) {
		return []Change{{Action: "keep", Path: note.Path, Detail: "already gone"}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", note.Path, err)
	}
	rest, found := ours.Without(string(content))
	switch {
	case note.Created && strings.TrimSpace(rest) == "#!/bin/sh":
		return []Change{{
			Action: "remove", Path: note.Path,
			apply: func(context.Context) error { return os.Remove(i.at(note.Path)) },
		}}, nil
	case !found:
		return []Change{{Action: "keep", Path: note.Path, Detail: "our lines are not in it"}}, nil
	}
	mode := note.Mode
	if mode == 0 {
		info, err := os.Stat(i.at(note.Path))
		if err != nil {
			return nil, fmt.Errorf("looking at %q: %w", note.Path, err)
		}
		mode = info.Mode().Perm()
	}
	return []Change{{
		Action: "edit", Path: note.Path, Detail: "our lines taken out",
		apply: func(context.Context) error { return replaceFile(i.at(note.Path), strings.NewReader(rest), mode) },
	}}, nil
}
