package reset

import "encoding/json"

// Opt is a value that may be unknown. An unknown value is left out of the
// record: it is never written as a made-up zero.
type Opt[T any] struct {
	V  T    // meaningful only if OK
	OK bool // whether V is known
}

// Some returns a known value.
func Some[T any](v T) Opt[T] { return Opt[T]{V: v, OK: true} }

// IsZero reports whether the value is unknown; encoding/json's omitzero asks it.
func (o Opt[T]) IsZero() bool { return !o.OK }

// Or returns the value, or other where it is unknown.
func (o Opt[T]) Or(other T) T {
	if o.OK {
		return o.V
	}
	return other
}

// MarshalJSON writes the bare value.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if !o.OK {
		return []byte("null"), nil
	}
	return json.Marshal(o.V)
}

// UnmarshalJSON reads the bare value; null means unknown.
func (o *Opt[T]) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*o = Opt[T]{}
		return nil
	}
	if err := json.Unmarshal(data, &o.V); err != nil {
		return err
	}
	o.OK = true
	return nil
}
