package container

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

const (
	id1   = "4f8c0b8f2a0d7a4a0f2f7f0c8a3b6d5e4c1b2a390817263544f3e2d1c0b9a877"
	id2   = "00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff"
	uid   = "a1b2c3d4-0000-4111-8222-0123456789ab"
	uid_  = "a1b2c3d4_0000_4111_8222_0123456789ab"
	hash  = "0123456789abcdef0123456789abcdef"
	alloc = "2c9e6f6e-0b5a-4c65-9d0b-9c5f0d1b2a3c"
)

func TestParse(t *testing.T) {
	type is = reset.Container
	for _, tt := range []struct {
		name, path string
		want       is
	}{
		{"docker, systemd", "/system.slice/docker-" + id1 + ".scope", is{ID: id1, Runtime: docker}},
		{"docker, cgroupfs", "/docker/" + id1, is{ID: id1, Runtime: docker}},
		{"docker, rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + id1 + ".scope", is{ID: id1, Runtime: docker}},
		{"docker, a parent of its own", "/actions_job/" + id1, is{ID: id1}},
		{"docker in docker", "/docker/" + id1 + "/docker/" + id2, is{ID: id2, Runtime: docker}},
		{"a process moved within", "/system.slice/docker-" + id1 + ".scope/init", is{ID: id1, Runtime: docker}},
		{"systemd within docker", "/system.slice/docker-" + id1 + ".scope/system.slice/nginx.service", is{ID: id1, Runtime: docker}},
		{"containerd, ctr", "/default/" + id1, is{ID: id1, Runtime: containerd}},
		{"containerd, nerdctl", "/system.slice/nerdctl-" + id1 + ".scope", is{ID: id1, Runtime: containerd}},
		{"podman", "/machine.slice/libpod-" + id1 + ".scope", is{ID: id1, Runtime: podman}},
		{"podman with crun", "/machine.slice/libpod-" + id1 + ".scope/container", is{ID: id1, Runtime: podman}},
		{"podman, rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id1 + ".scope/container", is{ID: id1, Runtime: podman}},
		{"podman, a pod", "/machine.slice/machine-libpod_pod_" + id2 + ".slice/libpod-" + id1 + ".scope", is{ID: id1, Runtime: podman, Pod: id2}},
		{"podman, cgroupfs", "/libpod_parent/libpod-" + id1, is{ID: id1, Runtime: podman}},
		{"podman as a service", "/system.slice/web.service/libpod-payload-" + id1, is{ID: id1, Runtime: podman}},
		{"podman's monitor", "/machine.slice/libpod-conmon-" + id1 + ".scope", is{}},
		{
			"Kubernetes, burstable, containerd", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + uid_ + ".slice/cri-containerd-" + id1 + ".scope",
			is{ID: id1, Runtime: containerd, Pod: uid},
		},
		{
			"Kubernetes, best effort, CRI-O", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + uid_ + ".slice/crio-" + id1 + ".scope",
			is{ID: id1, Runtime: crio, Pod: uid},
		},
		{"Kubernetes, guaranteed, CRI-O with crun", "/kubepods.slice/kubepods-pod" + uid_ + ".slice/crio-" + id1 + ".scope/container", is{ID: id1, Runtime: crio, Pod: uid}},
		{"Kubernetes, CRI-O's monitor", "/kubepods.slice/kubepods-pod" + uid_ + ".slice/crio-conmon-" + id1 + ".scope", is{}},
		{"Kubernetes, Docker", "/kubepods.slice/kubepods-pod" + uid_ + ".slice/docker-" + id1 + ".scope", is{ID: id1, Runtime: docker, Pod: uid}},
		{"Kubernetes, cgroupfs, burstable", "/kubepods/burstable/pod" + uid + "/" + id1, is{ID: id1, Pod: uid}},
		{"Kubernetes, cgroupfs, guaranteed", "/kubepods/pod" + uid + "/" + id1, is{ID: id1, Pod: uid}},
		{"Kubernetes, cgroupfs, CRI-O", "/kubepods/besteffort/pod" + uid + "/crio-" + id1, is{ID: id1, Runtime: crio, Pod: uid}},
		{"Kubernetes, a static pod", "/kubepods/burstable/pod" + hash + "/" + id1, is{ID: id1, Pod: hash}},
		{"Kubernetes, a static pod, systemd", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + hash + ".slice/cri-containerd-" + id1 + ".scope", is{ID: id1, Runtime: containerd, Pod: hash}},
		{"Kubernetes, the two drivers mixed", "/system.slice/containerd.service/kubepods-burstable-pod" + uid_ + ".slice:cri-containerd:" + id1, is{ID: id1, Runtime: containerd, Pod: uid}},
		{
			"Kubernetes in Docker", "/docker/" + id2 + "/kubelet/kubepods/besteffort/pod" + uid + "/" + id1,
			is{ID: id1, Pod: uid},
		},
		{
			"Kubernetes in Docker, systemd", "/system.slice/docker-" + id2 + ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + uid_ + ".slice/cri-containerd-" + id1 + ".scope",
			is{ID: id1, Runtime: containerd, Pod: uid},
		},
		{"seen from within a namespace", "/../cri-containerd-" + id1 + ".scope", is{ID: id1, Runtime: containerd}},
		{"ECS with Docker", "/ecs/" + hash + "/" + id1, is{ID: id1, Runtime: docker}},
		{"ECS, systemd", "/ecstasks.slice/ecstasks-" + hash + ".slice/docker-" + id1 + ".scope", is{ID: id1, Runtime: docker}},
		{"ECS without Docker", "/ecs/" + hash + "/" + hash + "-1234567890", is{ID: hash + "-1234567890", Runtime: containerd}},
		{"LXC", "/lxc.payload.web1", is{ID: "web1", Runtime: lxc}},
		{"LXC of old", "/lxc/web1", is{ID: "web1", Runtime: lxc}},
		{"LXC with systemd in it", "/lxc.payload.web1/system.slice/nginx.service", is{ID: "web1", Runtime: lxc}},
		{"LXC's monitor", "/lxc.monitor.web1", is{}},
		{"Docker in LXC", "/lxc.payload.web1/system.slice/docker-" + id1 + ".scope", is{ID: id1, Runtime: docker}},
		{"systemd-nspawn", `/machine.slice/systemd-nspawn@web\x2d1.service/payload`, is{ID: "web-1", Runtime: nspawn}},
		{"systemd-machined", "/machine.slice/machine-web.scope", is{ID: "web", Runtime: nspawn}},
		{"libvirt, LXC", `/machine.slice/machine-lxc\x2d4242\x2dweb.scope`, is{ID: "4242-web", Runtime: lxc}},
		{"libvirt, a virtual machine", `/machine.slice/machine-qemu\x2d1\x2dweb.scope`, is{}},
		{"Nomad", "/nomad.slice/share.slice/" + alloc + ".web.scope", is{ID: alloc + ".web", Runtime: nomad}},
		{"Nomad, cgroupfs", "/nomad/" + alloc + ".web", is{ID: alloc + ".web", Runtime: nomad}},
		{"Garden", "/garden/" + alloc, is{ID: alloc, Runtime: garden}},
		{"Mesos", "/mesos/" + alloc, is{ID: alloc, Runtime: mesos}},
		{"BuildKit", "/docker/buildkit/x7k2p0q1", is{ID: "x7k2p0q1", Runtime: buildkit}},
		{"a service", "/system.slice/nginx.service", is{ID: "nginx.service", Runtime: systemd}},
		{"a service's process apart", "/system.slice/nginx.service/worker", is{ID: "nginx.service", Runtime: systemd}},
		{"a user's service", "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service", is{ID: "web.service", Runtime: systemd}},
		{"a template", `/system.slice/system-postgresql.slice/postgresql@15\x2dmain.service`, is{ID: "postgresql@15-main.service", Runtime: systemd}},
		{"a scope", "/system.slice/run-r4f2.scope", is{ID: "run-r4f2.scope", Runtime: systemd}},
		{"a session", "/user.slice/user-1000.slice/session-3.scope", is{}},
		{"a user's manager", "/user.slice/user-1000.slice/user@1000.service/init.scope", is{}},
		{"the root", "/", is{}},
		{"nothing", "", is{}},
		{"an id that is none", "/docker/" + id1[:63], is{}},
		{"an id in capitals", "/docker/" + strings.ToUpper(id1), is{}},
		{"a pod without a container", "/kubepods.slice/kubepods-pod" + uid_ + ".slice", is{}},
		{"a name that moves the cursor", "/lxc/\x1b[2J", is{}},
		{"a unit that hides", `/system.slice/\x1b[2J.service`, is{}},
		{"far too long", "/" + strings.Repeat("x/", maxPath) + id1, is{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Parse(tt.path)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("container of %q (-want +got):\n%s", tt.path, diff)
			}
			if ok != (tt.want != is{}) {
				t.Errorf("found: %v", ok)
			}
		})
	}
}

// FuzzParse: whoever may make folders below a cgroup writes these paths.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"/system.slice/docker-" + id1 + ".scope", "/kubepods/burstable/pod" + uid + "/" + id1, "/lxc.payload.x",
		`/machine.slice/machine-lxc\x2d4242\x2dweb.scope`, "a.slice:crio:" + id1, "/ecs/" + hash + "/" + hash + "-1", "/nomad/" + alloc + ".x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		c, ok := Parse(path)
		if ok != (c.ID != "") {
			t.Fatalf("found %v: %+v", ok, c)
		}
		for _, text := range []string{c.ID, c.Pod, c.Runtime} {
			if len(text) > maxName {
				t.Fatalf("%d bytes", len(text))
			}
			for _, r := range text {
				if !unicode.IsPrint(r) {
					t.Fatalf("%U in %q", r, text)
				}
			}
		}
	})
}
