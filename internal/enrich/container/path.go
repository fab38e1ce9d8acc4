package container

import (
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// The runtimes, as records name them.
const (
	docker     = "docker"
	containerd = "containerd"
	crio       = "cri-o"
	podman     = "podman"
	lxc        = "lxc"
	nspawn     = "systemd-nspawn"
	nomad      = "nomad"
	garden     = "garden"
	mesos      = "mesos"
	buildkit   = "buildkit"
	systemd    = "systemd" // a unit of the host's own, no container
)

// maxPath bounds what is read of a path: the kernel's PATH_MAX.
const maxPath = 4096

// Parse returns the container that the path of a cgroup is in, the innermost
// where one runs in another. Outside of every container it is the systemd unit
// that is nearest. Of a pod it knows the unique id alone. It reports false for
// paths that name neither.
func Parse(path string) (reset.Container, bool) {
	if len(path) > maxPath {
		return reset.Container{}, false
	}
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for i := len(segments) - 1; i >= 0; i-- {
		c, found, stop := fromSegment(segments[:i], segments[i])
		if stop {
			return reset.Container{}, false
		}
		if found {
			c.Pod = podOf(segments[:i+1])
			return c, true
		}
	}
	for i := len(segments) - 1; i >= 0; i-- {
		if unit, ok := unitOf(segments[i]); ok {
			return reset.Container{ID: unit, Runtime: systemd}, true
		}
	}
	return reset.Container{}, false
}

// scopePrefixes are what runtimes put in front of the id. Those without a
// runtime belong to the processes that look after a container and are outside
// of it.
var scopePrefixes = []struct{ prefix, runtime string }{
	{"docker-", docker},
	{"cri-containerd-", containerd},
	{"nerdctl-", containerd},
	{"crio-conmon-", ""},
	{"crio-", crio},
	{"libpod-conmon-", ""},
	{"libpod-payload-", podman},
	{"libpod-", podman},
	{"buildkit-", buildkit},
}

// fromSegment reads one element of a path, which stands behind the others. stop
// says that this is no container and that none is further up.
func fromSegment(before []string, segment string) (c reset.Container, found, stop bool) {
	name, isScope := strings.CutSuffix(segment, ".scope")
	for _, p := range scopePrefixes {
		id, ok := strings.CutPrefix(name, p.prefix)
		if !ok || !isID(id) {
			continue
		}
		return reset.Container{ID: id, Runtime: p.runtime}, p.runtime != "", p.runtime == ""
	}
	if c, ok := fromPair(parent(before), name, isScope); ok {
		return c, true, false
	}
	if c, ok := fromColons(segment); ok {
		return c, true, false
	}
	if id := name; isID(id) {
		return reset.Container{ID: id, Runtime: runtimeAbove(before)}, true, false
	}
	return fromMachine(segment)
}

// fromPair reads containers whose name is not an id, so that it takes the
// folder above it to know them.
func fromPair(above, name string, isScope bool) (reset.Container, bool) {
	switch {
	case above == "lxc" || above == "lxc.payload":
		return named(lxc, name)
	case above == garden:
		return named(garden, name)
	case above == mesos:
		return named(mesos, name)
	case above == "buildkit":
		return named(buildkit, name)
	case strings.HasPrefix(above, "nomad") || (isScope && strings.HasSuffix(above, ".slice")):
		// An allocation's UUID, a point, the task's name.
		if allocation, task, ok := strings.Cut(name, "."); ok && isUUID(allocation) && task != "" {
			return named(nomad, name)
		}
	case isTask(above):
		// Amazon's ECS without Docker: the task's id twice, then the container's.
		if strings.HasPrefix(name, above+"-") {
			return named(containerd, name)
		}
	}
	return reset.Container{}, false
}

// fromMachine reads the containers of LXC and systemd-machined.
func fromMachine(segment string) (c reset.Container, found, stop bool) {
	if strings.HasPrefix(segment, "lxc.monitor") {
		return c, false, true
	}
	if name, ok := strings.CutPrefix(segment, "lxc.payload."); ok {
		c, found = named(lxc, name)
		return c, found, false
	}
	if name, ok := strings.CutPrefix(segment, "systemd-nspawn@"); ok {
		if name, ok = strings.CutSuffix(name, ".service"); ok {
			c, found = named(nspawn, unescape(name))
			return c, found, false
		}
	}
	if name, ok := strings.CutPrefix(segment, "machine-"); ok {
		if name, ok = strings.CutSuffix(name, ".scope"); ok {
			switch {
			case strings.HasPrefix(name, `qemu\x2d`): // a virtual machine is no container
				return c, false, true
			case strings.HasPrefix(name, `lxc\x2d`): // libvirt's
				c, found = named(lxc, unescape(strings.TrimPrefix(name, `lxc\x2d`)))
			default:
				c, found = named(nspawn, unescape(name))
			}
			return c, found, false
		}
	}
	return c, false, false
}

// fromColons reads what systemd's names become where the runtime was told of
// systemd and makes the folders itself: SLICE:PREFIX:ID.
func fromColons(segment string) (reset.Container, bool) {
	parts := strings.Split(segment, ":")
	if len(parts) != 3 || !isID(parts[2]) {
		return reset.Container{}, false
	}
	for _, p := range scopePrefixes {
		if p.prefix == parts[1]+"-" && p.runtime != "" {
			return reset.Container{ID: parts[2], Runtime: p.runtime}, true
		}
	}
	return reset.Container{ID: parts[2]}, true
}

// runtimeAbove names the runtime of an id that stands without a prefix, from
// the folders above it, as far as they tell.
func runtimeAbove(before []string) string {
	switch above := parent(before); above {
	case docker, "docker.slice":
		return docker
	case "default", "k8s.io", "moby":
		return containerd
	case "libpod_parent":
		return podman
	case "buildkit":
		return buildkit
	default:
		if isTask(above) && parent(before[:len(before)-1]) == "ecs" {
			return docker
		}
	}
	return ""
}

func named(runtime, name string) (reset.Container, bool) {
	if !isName(name) {
		return reset.Container{}, false
	}
	return reset.Container{ID: name, Runtime: runtime}, true
}

func parent(before []string) string {
	if len(before) == 0 {
		return ""
	}
	return before[len(before)-1]
}

// podOf returns the unique id of the pod, or podman's id of its own, that the
// path leads through, the innermost.
func podOf(segments []string) string {
	for i := len(segments) - 1; i >= 0; i-- {
		segment := segments[i]
		if before, _, ok := strings.Cut(segment, ":"); ok {
			segment = before
		}
		name, isSlice := strings.CutSuffix(segment, ".slice")
		if _, id, ok := strings.Cut(name, "libpod_pod_"); ok && isID(id) {
			return id
		}
		id, ok := strings.CutPrefix(name, "pod")
		if isSlice {
			at := strings.LastIndex(name, "-pod")
			if ok = at >= 0; ok {
				// systemd keeps '-' for itself, so the kubelet writes '_'.
				id = strings.ReplaceAll(name[at+len("-pod"):], "_", "-")
			}
		}
		if ok && (isUUID(id) || isTask(id)) {
			return id
		}
	}
	return ""
}

// unitOf returns the service or scope that a segment is, sessions and what
// systemd keeps for itself aside.
func unitOf(segment string) (string, bool) {
	switch {
	case strings.HasSuffix(segment, ".service") && !strings.HasPrefix(segment, "user@"):
	case strings.HasSuffix(segment, ".scope") && segment != "init.scope" && !strings.HasPrefix(segment, "session-"):
	default:
		return "", false
	}
	unit := unescape(segment)
	return unit, isName(unit)
}
