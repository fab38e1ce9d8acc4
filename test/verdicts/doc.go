// Package verdicts proves the verdict: it makes every kind of reset that the
// lab knows, watched by the real program, and holds what each record says of
// sender and cause against what was done. Its tables are those of
// docs/explanation/verdicts.md.
package verdicts
