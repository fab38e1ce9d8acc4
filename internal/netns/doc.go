// Package netns finds every network namespace of the host and says when one
// comes and when one goes.
//
// A namespace is known to exist because something refers to it: a process that
// is in it, or a mount of its nsfs file (which is how ip netns, containerd and
// Docker keep one). The kernel has no event for the birth of a namespace, so
// the Tracker looks: at once when the table of mounts changes or when the last
// process that it knew of ends, and once per Config.Interval in any case.
//
// # Letting go
//
// A socket or a BPF link of ours keeps a namespace alive after its owner has
// deleted it, and with it the devices whose other ends are still in use
// elsewhere. The Tracker therefore counts only what others hold. As soon as no
// process and no mount refers to a namespace, it is Gone, and every Follow is
// told so that it can close what it has there. The Tracker itself keeps no
// descriptor of a namespace open between two calls.
//
// # What it cannot see
//
// A namespace that only an open descriptor of another process refers to, or
// only a mount in a mount namespace that is not ours, and a thread that is in
// another namespace than its process (one readlink is spent per process, not
// per thread; threads are looked at only where the first one has ended).
package netns
