package kernel

// functions is the closed list of kernel functions that a stack may name: those
// that tell one way to a RST from another. What a compiler adds to a name
// (.constprop.0, .isra.0, .part.0, .cold) is cut off.
var functions = []string{
	// What ends a connection.
	"__tcp_close", "tcp_close", "tcp_disconnect", "tcp_abort", "tcp_done", "tcp_done_with_error",
	"inet_csk_listen_stop", "inet_child_forget", "inet_csk_destroy_sock",
	"inet_release", "inet6_release", "inet_shutdown", "tcp_shutdown", "__sock_release", "sock_release", "sock_close",
	"__inet_stream_connect", "inet_stream_connect", "inet_accept", "tcp_repair_set",
	// Another's hand.
	"tcp_diag_destroy", "sock_diag_destroy", "bpf_sock_destroy",
	// Memory.
	"tcp_check_oom", "tcp_out_of_resources",
	// Timers.
	"tcp_keepalive_timer", "tcp_write_timer", "tcp_write_timer_handler", "tcp_write_timeout",
	"tcp_retransmit_timer", "tcp_probe_timer", "tcp_delack_timer", "reqsk_timer_handler",
	// The other end's packet.
	"tcp_rcv_state_process", "tcp_rcv_established", "tcp_rcv_synsent_state_process", "tcp_check_req",
	"tcp_v4_do_rcv", "tcp_v6_do_rcv", "tcp_v4_rcv", "tcp_v6_rcv", "tcp_conn_request", "tcp_reset",
	"__release_sock",
	// Fast Open.
	"tcp_fastopen_create_child", "tcp_try_fastopen", "tcp_fastopen_active_disable", "reqsk_fastopen_remove",
	// Multipath TCP.
	"mptcp_close", "__mptcp_close", "__mptcp_close_ssk", "mptcp_close_ssk", "mptcp_disconnect", "__mptcp_destroy_sock",
	"mptcp_subflow_reset", "mptcp_worker", "mptcp_check_fastclose", "mptcp_do_fastclose", "mptcp_do_flush_join_list",
	"mptcp_pm_nl_rm_subflow_received", "mptcp_pm_close_subflow", "mptcp_stream_connect", "mptcp_fastclose",
	"subflow_syn_recv_sock", "subflow_state_change", "subflow_data_ready", "subflow_ulp_release",
	// Layers between a socket and TCP.
	"tls_sk_proto_close", "sock_map_close", "tcp_bpf_close", "smc_release", "xs_reset_transport", "kernel_sock_shutdown",
	// What a process does.
	"__fput", "delayed_fput", "task_work_run", "do_close_on_exec", "begin_new_exec",
	"get_signal", "do_group_exit", "do_exit", "worker_thread", "kthread",
	// Softirqs: what lies outside of them is whoever was interrupted.
	"handle_softirqs", "__do_softirq", "do_softirq", "run_ksoftirqd", "net_rx_action", "run_timer_softirq",
	"__run_timers", "__napi_poll", "process_backlog",
}

// timers are those that run out on their own.
var timers = []string{
	"tcp_keepalive_timer", "tcp_write_timer", "tcp_write_timer_handler", "tcp_write_timeout",
	"tcp_retransmit_timer", "tcp_probe_timer",
}

// destroyers end a connection of somebody else.
var destroyers = []string{"tcp_abort", "tcp_diag_destroy", "sock_diag_destroy", "bpf_sock_destroy"}

// interrupts are the frames at which a stack that the task did not ask for begins.
var interrupts = []string{"handle_softirqs", "__do_softirq", "run_ksoftirqd"}
