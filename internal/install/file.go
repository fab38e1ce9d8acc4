package install

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// planCopy puts a copy of the program source, which is outside of the root, at path.
func (i *installation) planCopy(source, path string) ([]Change, error) {
	want, err := fileHash(source)
	if err != nil {
		return nil, fmt.Errorf("reading the program to install: %w", err)
	}
	action, err := i.own(path, want)
	if err != nil || action == "" {
		return nil, err
	}
	return []Change{{
		Action: action, Path: path, Detail: "copy of " + source,
		apply: func(context.Context) error {
			from, err := os.Open(source)
			if err != nil {
				return err
			}
			defer from.Close()
			return replaceFile(i.at(path), from, 0o755)
		},
	}}, nil
}

// own notes in the record that path is ours with the content of that hash. It returns what is to be done: "create",
// "replace", or nothing.
func (i *installation) own(path, hash string) (action string, err error) {
	have, err := fileHash(i.at(path))
	switch {
	case errors.Is(err, os.ErrNotExist):
		action = "create"
	case err != nil:
		return "", fmt.Errorf("looking at %q: %w", path, err)
	case have != hash && i.old.Files[path] == "":
		return "", fmt.Errorf("%q is there and not from this program: move it away first", path)
	case have != hash:
		action = "replace"
	case i.old.Files[path] == "":
		return "", nil // there with the right content, but not by us: not ours to remove either
	}
	i.new.Files[path] = hash
	return action, nil
}

// planRemoveFile removes a file that an install made, or keeps it if somebody has changed it since.
func (i *installation) planRemoveFile(path, hash string) Change {
	have, err := fileHash(i.at(path))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Change{Action: "keep", Path: path, Detail: "already gone"}
	case err == nil && have != hash:
		return Change{
			Action: "rename", Path: path, Detail: "to " + path + ".saved, because it was changed after the install",
			apply: func(context.Context) error { return os.Rename(i.at(path), i.at(path+".saved")) },
		}
	}
	return Change{
		Action: "remove", Path: path,
		apply: func(context.Context) error { return os.Remove(i.at(path)) },
	}
}

// replaceFile writes a file so that it is there either as it was or complete, with its owner as before.
func replaceFile(path string, content io.Reader, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // fails after the rename, as it should
	if _, err := io.Copy(file, content); err != nil {
		return errors.Join(err, file.Close())
	}
	if info, err := os.Stat(path); err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			if err := file.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
				return errors.Join(err, file.Close())
			}
		}
	}
	if err := errors.Join(file.Chmod(mode), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// fileHash returns the SHA-256 of a file's content, in hexadecimal.
func fileHash(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// textHash is fileHash of a text.
func textHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
