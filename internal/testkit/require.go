package testkit

import (
	"os"
	"testing"
)

// Required reports whether tests must fail where they would otherwise skip:
// RSTWATCH_TEST_REQUIRE=1, or CI=true.
func Required() bool {
	return os.Getenv("RSTWATCH_TEST_REQUIRE") == "1" || os.Getenv("CI") == "true"
}

// RequireRoot skips the test when it does not run as root, or fails it where
// Required says so.
func RequireRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if Required() {
		t.Fatal("needs root, and RSTWATCH_TEST_REQUIRE or CI forbids skipping")
	}
	t.Skip("needs root")
}
