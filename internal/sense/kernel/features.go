package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// UnsupportedError says what this kernel lacks, found by looking at its own
// type information or by trying, never from a version number.
type UnsupportedError struct {
	Feature string // what is missing
	Since   string // the first kernel that has it, for people
	Err     error  // what the kernel said, if it was asked
}

func (e *UnsupportedError) Error() string {
	text := fmt.Sprintf("this kernel has no %s (Linux %s and later have it)", e.Feature, e.Since)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *UnsupportedError) Unwrap() error { return e.Err }

// features is what the running kernel's BTF says of the hooks.
type features struct {
	sendResetReason bool // tcp_send_reset bears a reason, and covers every path
	dropReason      bool // kfree_skb bears a reason
	dropSocket      bool // kfree_skb bears the receiving socket
	tcpDrops        bool // kfree_skb fires for what a TCP socket refuses
	readOnlyCast    bool // bpf_rdonly_cast
	wire            bool // netif_receive_skb and net_dev_queue
	reset           bool // tcp_send_reset and tcp_receive_reset
	drop            bool // kfree_skb
	states          bool // inet_sock_set_state

	sendReasons map[uint16]string // enum sk_rst_reason
	dropReasons map[uint16]string // enum skb_drop_reason
	netCookie   bool              // struct net has net_cookie
}

// detect reads the kernel's BTF.
func detect() (*features, error) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, &UnsupportedError{Feature: "type information (BTF)", Since: "5.5 with CONFIG_DEBUG_INFO_BTF", Err: err}
	}
	f := &features{}
	send, err := tracepointParams(spec, "tcp_send_reset")
	f.reset = err == nil
	f.sendResetReason = send >= 3
	drop, err := tracepointParams(spec, "kfree_skb")
	f.drop = err == nil
	_, err = tracepointParams(spec, "inet_sock_set_state")
	f.states = err == nil
	f.dropReason = drop >= 3
	f.dropSocket = drop >= 4
	_, inErr := tracepointParams(spec, "netif_receive_skb")
	_, outErr := tracepointParams(spec, "net_dev_queue")
	f.wire = inErr == nil && outErr == nil
	var cast *btf.Func
	f.readOnlyCast = spec.TypeByName("bpf_rdonly_cast", &cast) == nil
	f.sendReasons = enumNames(spec, "sk_rst_reason", "SK_RST_REASON_")
	f.dropReasons = enumNames(spec, "skb_drop_reason", "SKB_DROP_REASON_", "SKB_")
	// TCP's sockets freed what they refused without a word until 5.18 gave the
	// reasons of tcp_validate_incoming their names.
	for _, name := range f.dropReasons {
		f.tcpDrops = f.tcpDrops || name == "TCP_RESET"
	}
	var net *btf.Struct
	if spec.TypeByName("net", &net) == nil {
		for _, member := range net.Members {
			f.netCookie = f.netCookie || member.Name == "net_cookie"
		}
	}
	return f, nil
}

// tracepointParams returns how many arguments a tracepoint passes to its
// programs: those of typedef btf_trace_NAME without the first.
func tracepointParams(spec *btf.Spec, name string) (int, error) {
	var typedef *btf.Typedef
	if err := spec.TypeByName("btf_trace_"+name, &typedef); err != nil {
		return 0, err
	}
	pointer, ok := typedef.Type.(*btf.Pointer)
	if !ok {
		return 0, fmt.Errorf("tracepoint %s: not a pointer to a function", name)
	}
	proto, ok := pointer.Target.(*btf.FuncProto)
	if !ok {
		return 0, fmt.Errorf("tracepoint %s: not a pointer to a function", name)
	}
	return len(proto.Params) - 1, nil
}

// enumNames reads the names of a kernel enum. Numbers move between kernels, so
// names come from the running one; a prefix is cut off.
func enumNames(spec *btf.Spec, name string, prefixes ...string) map[uint16]string {
	var enum *btf.Enum
	if err := spec.TypeByName(name, &enum); err != nil {
		return nil
	}
	names := make(map[uint16]string, len(enum.Values))
	for _, value := range enum.Values {
		text := value.Name
		for _, prefix := range prefixes {
			if len(text) > len(prefix) && text[:len(prefix)] == prefix {
				text = text[len(prefix):]
				break
			}
		}
		if _, taken := names[uint16(value.Value)]; !taken {
			names[uint16(value.Value)] = text
		}
	}
	return names
}

// choose removes from the spec the programs that this kernel cannot run, or
// that the mode does not want, so that one variant of each hook is left.
func (f *features) choose(spec *ebpf.CollectionSpec, light bool) error {
	if !f.reset {
		return &UnsupportedError{Feature: "tracepoint tcp_send_reset with type information", Since: "5.5"}
	}
	keep := map[string]bool{"reset_received": true, "state_changed": f.states}
	keep["reset_sent"] = f.sendResetReason
	keep["reset_sent_no_reason"] = !f.sendResetReason
	keep["skb_dropped"] = f.dropSocket
	keep["skb_dropped_no_socket"] = f.dropReason && !f.dropSocket
	keep["skb_dropped_no_reason"] = f.drop && !f.dropReason
	if !light {
		if !f.wire {
			return &UnsupportedError{Feature: "tracepoint netif_receive_skb with type information", Since: "5.5"}
		}
		keep["wire_in"], keep["wire_out"] = true, true
	}
	for name := range spec.Programs {
		if !keep[name] {
			delete(spec.Programs, name)
		}
	}
	if len(spec.Programs) == 0 {
		return errors.New("no program is left to load")
	}
	return nil
}
