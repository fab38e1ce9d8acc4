// Package container says in which container the owner of a socket runs: by the
// path of its cgroup, which bears the container's id, and by what the container
// runtime keeps of that id.
//
// Paths are read as Docker, containerd, CRI-O, podman, LXC, systemd-nspawn,
// Nomad and Kubernetes make them, in both versions of cgroups. A process that
// is in no container is said to be in its systemd unit.
package container
