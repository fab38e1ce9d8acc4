package testkit

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// Release is the version of a kernel, as far as it says what the kernel can.
//
// Only tests look at it. The program looks at what is there; a test holds the
// two against each other.
type Release struct{ Major, Minor int }

// Running is the release of this kernel.
func Running(t testing.TB) Release {
	t.Helper()
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatalf("asking for the kernel's release: %v", err)
	}
	var r Release
	text := unix.ByteSliceToString(name.Release[:])
	if _, err := fmt.Sscanf(text, "%d.%d", &r.Major, &r.Minor); err != nil {
		t.Fatalf("the kernel's release is %q: %v", text, err)
	}
	return r
}

// Before reports whether r is older than another release.
func (r Release) Before(other Release) bool {
	return r.Major < other.Major || r.Major == other.Major && r.Minor < other.Minor
}

// String is the release as people write it.
func (r Release) String() string { return fmt.Sprintf("%d.%d", r.Major, r.Minor) }
