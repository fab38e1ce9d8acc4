package kernel

import (
	"bytes"
	"sort"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/google/go-cmp/cmp"

	_ "embed"
)

//go:embed probe_x86_bpfel.o
var objectAMD64 []byte

//go:embed probe_arm64_bpfel.o
var objectARM64 []byte

// readOnly are the helpers that the programs may call. None of them can write
// to a packet, a socket or user memory, redirect, or change what the kernel
// does: they read, tell the time, and fill our own maps.
var readOnly = map[asm.BuiltinFunc]bool{
	asm.FnMapLookupElem: true, asm.FnProbeReadKernel: true, asm.FnProbeReadKernelStr: true,
	asm.FnKtimeGetNs: true, asm.FnJiffies64: true, asm.FnGetSmpProcessorId: true,
	asm.FnGetCurrentPidTgid: true, asm.FnGetCurrentComm: true, asm.FnRingbufOutput: true,
	// How the running task ends, and which kernel functions led to an abort:
	// both only read.
	asm.FnGetCurrentTask: true, asm.FnGetStack: true,
	// The table of connections is kept in maps of our own.
	asm.FnMapUpdateElem: true, asm.FnMapDeleteElem: true,
}

// readOnlyKernelFunctions are the kernel's own functions that they may call.
var readOnlyKernelFunctions = map[string]bool{"bpf_rdonly_cast": true}

// TestObjectsOnlyWatch reads the compiled objects: whatever the source says,
// what is loaded cannot change, drop or delay a packet.
func TestObjectsOnlyWatch(t *testing.T) {
	for name, object := range map[string][]byte{"amd64": objectAMD64, "arm64": objectARM64} {
		t.Run(name, func(t *testing.T) {
			spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
			if err != nil {
				t.Fatal(err)
			}
			if len(spec.Programs) < 5 {
				t.Fatalf("only %d programs", len(spec.Programs))
			}
			for name, program := range spec.Programs {
				// A tracing program is run beside the kernel's code; what it
				// returns goes nowhere. Of the attach types of tracing, modify
				// return (fmod_ret) can change what a function returns.
				if program.Type != ebpf.Tracing || program.AttachType != ebpf.AttachTraceRawTp {
					t.Errorf("program %s: type %v, attached as %v; want a raw tracepoint of type tracing", name, program.Type, program.AttachType)
				}
				checkCalls(t, name, program.Instructions)
			}
			for name, m := range spec.Maps {
				if m.Pinning != ebpf.PinNone {
					t.Errorf("map %s is pinned: it would outlive the process", name)
				}
			}
		})
	}
}

func checkCalls(t *testing.T, program string, instructions asm.Instructions) {
	t.Helper()
	calls := 0
	for _, ins := range instructions {
		switch {
		case ins.IsBuiltinCall():
			calls++
			if f := asm.BuiltinFunc(ins.Constant); !readOnly[f] {
				t.Errorf("program %s calls %v, which is not on the list of harmless helpers", program, f)
			}
		case ins.IsKfuncCall():
			if !readOnlyKernelFunctions[ins.Reference()] {
				t.Errorf("program %s calls kernel function %q", program, ins.Reference())
			}
		}
	}
	if calls == 0 {
		t.Errorf("program %s calls nothing: the check sees no calls", program)
	}
}

// TestCheckCallsCanFail holds the check against a program that writes.
func TestCheckCallsCanFail(t *testing.T) {
	for _, f := range []asm.BuiltinFunc{asm.FnSkbStoreBytes, asm.FnProbeWriteUser, asm.FnOverrideReturn, asm.FnRedirect, asm.FnSendSignal} {
		if readOnly[f] {
			t.Errorf("%v is on the list of harmless helpers", f)
		}
	}
}

// TestFeaturesChoose fixes which variant of each hook a kernel gets.
func TestFeaturesChoose(t *testing.T) {
	for _, tt := range []struct {
		name     string
		features features
		light    bool
		want     string
	}{
		{"6.11 and later", features{reset: true, sendResetReason: true, drop: true, dropReason: true, dropSocket: true, wire: true, states: true}, false,
			"reset_received reset_sent skb_dropped state_changed wire_in wire_out"},
		{"6.10", features{reset: true, sendResetReason: true, drop: true, dropReason: true, wire: true, states: true}, false,
			"reset_received reset_sent skb_dropped_no_socket state_changed wire_in wire_out"},
		{"6.1", features{reset: true, drop: true, dropReason: true, wire: true, states: true}, false,
			"reset_received reset_sent_no_reason skb_dropped_no_socket state_changed wire_in wire_out"},
		{"5.10", features{reset: true, drop: true, wire: true, states: true}, false,
			"reset_received reset_sent_no_reason skb_dropped_no_reason state_changed wire_in wire_out"},
		{"light", features{reset: true, sendResetReason: true, drop: true, dropReason: true, dropSocket: true, states: true}, true,
			"reset_received reset_sent skb_dropped state_changed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec, err := loadProbe()
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.features.choose(spec, tt.light); err != nil {
				t.Fatal(err)
			}
			var names []string
			for name := range spec.Programs {
				names = append(names, name)
			}
			sort.Strings(names)
			if diff := cmp.Diff(tt.want, strings.Join(names, " ")); diff != "" {
				t.Errorf("programs (-want +got):\n%s", diff)
			}
		})
	}
}
