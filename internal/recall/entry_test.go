package recall

import (
	"reflect"
	"testing"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// shared are what an entry does not copy: lists that nobody changes, and what is
// made anew.
var shared = map[string]bool{
	"Reset.Evidence": true, "Reset.CausedBy": true, "Reset.Related": true, "Reset.Fold": true,
	"Reset.Kernel.Stack": true, "Context.Stack": true,
	// Of who did it for another no further one is told.
	"Reset.Process.By.By": true, "Context.Past.Owner.By.By": true,
}

// fill gives every pointer and slice something to point to, to a depth.
func fill(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		if depth > 0 && v.CanSet() {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), depth-1)
		}
	case reflect.Slice:
		if v.CanSet() {
			v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), depth)
			}
		}
	}
}

// apartFrom checks that two values have no memory in common.
func apartFrom(t *testing.T, path string, a, b reflect.Value) {
	t.Helper()
	if shared[path] {
		return
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Slice:
		switch {
		case a.IsNil() && b.IsNil():
		case b.IsNil():
			t.Errorf("%s is not kept", path)
		case a.Pointer() == b.Pointer():
			t.Errorf("%s is shared with the sensor", path)
		case a.Kind() == reflect.Pointer:
			apartFrom(t, path, a.Elem(), b.Elem())
		}
	case reflect.Struct:
		for i := range a.NumField() {
			if f := a.Type().Field(i); f.IsExported() && f.Type.PkgPath() != "net/netip" {
				apartFrom(t, path+"."+f.Name, a.Field(i), b.Field(i))
			}
		}
	}
}

// TestEverythingIsCopied: whatever fields a record and its context have, what
// they point to is the entry's own.
func TestEverythingIsCopied(t *testing.T) {
	var r reset.Reset
	var c reset.Context
	fill(reflect.ValueOf(&r).Elem(), 4)
	fill(reflect.ValueOf(&c).Elem(), 4)
	r.MonoNS = reset.Some(start)
	var e entry
	for range 2 { // a second use of the same entry
		e.take(&attribute.Case{Reset: &r, Context: &c}, r.Kernel, 1, true)
		apartFrom(t, "Reset", reflect.ValueOf(&r).Elem(), reflect.ValueOf(&e.record).Elem())
		apartFrom(t, "Context", reflect.ValueOf(&c).Elem(), reflect.ValueOf(&e.context).Elem())
	}
}
