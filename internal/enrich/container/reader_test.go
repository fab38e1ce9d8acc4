package container

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/enrich/cgroup"
	"github.com/rstwatch/rstwatch/internal/enrich/lookup"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// host is a file system with what the reader looks at.
type host struct {
	t    *testing.T
	root string
}

func newHost(t *testing.T) host {
	t.Helper()
	root, err := os.MkdirTemp("", "host") // short: a socket's path is bounded
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	return host{t, root}
}

func (h host) write(path, text string) {
	h.t.Helper()
	path = h.root + path
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// cgroup makes a cgroup's folder and returns its number.
func (h host) cgroup(path string) uint64 {
	h.t.Helper()
	path = h.root + "/sys/fs/cgroup" + path
	if err := os.MkdirAll(path, 0o755); err != nil {
		h.t.Fatal(err)
	}
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		h.t.Fatal(err)
	}
	return stat.Ino
}

// engine serves containers by id behind a Unix socket, as Docker does.
func (h host) engine(path string, containers map[string]string) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(h.root+path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	listener, err := net.Listen("unix", h.root+path)
	if err != nil {
		h.t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/containers/"), "/json")
		switch answer := containers[id]; answer {
		case "":
			http.Error(w, `{"message":"No such container"}`, http.StatusNotFound)
		case "hang":
			<-r.Context().Done()
		default:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, answer)
		}
	})}
	go server.Serve(listener)
	h.t.Cleanup(func() { server.Close() })
}

// reader runs a reader on the host until the test ends.
func (h host) reader(cfg Config) *Reader {
	h.t.Helper()
	cfg.Root = h.root
	r, err := New(cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	h.t.Cleanup(func() { stop(); <-done })
	return r
}

// settled enriches until the reader asks no more, and returns the container.
func settled(t *testing.T, r *Reader, record reset.Reset, c *reset.Context) *reset.Container {
	t.Helper()
	asked := func() uint64 {
		n := r.Counts()
		return n.Cgroups.Asked + n.Processes.Asked + n.Names.Asked
	}
	waiting := func() bool {
		n := r.Counts()
		all := n.Cgroups.Kept + n.Processes.Kept + n.Names.Kept
		return uint64(all) > asked()
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		before := asked()
		copied := record
		r.Enrich(&copied, c)
		if !waiting() && asked() == before {
			return copied.Container
		}
		if time.Now().After(deadline) {
			t.Fatalf("still asking: %+v", r.Counts())
		}
		time.Sleep(time.Millisecond)
	}
}

const pod = `/kubepods.slice/kubepods-pod` + uid_ + `.slice/`

func TestEnrich(t *testing.T) {
	h := newHost(t)
	inspect := func(name, image, labels string) string {
		return `{"Id":"x","Name":"/` + name + `","Config":{"Image":"` + image + `","Labels":{` + labels + `}}}`
	}
	h.engine("/var/run/docker.sock", map[string]string{
		id1:           inspect("web", "nginx:1.27", ""),
		"1" + id1[1:]: inspect("k8s_web_web-1_shop_x_0", "sha256:1", `"io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop","io.kubernetes.container.name":"web"`),
		"3" + id1[1:]: inspect(`a\u001b[2Jb`, strings.Repeat("x", 5000), ""),
		"a" + id1[1:]: `{"Name":`,
	})
	h.engine("/run/podman/podman.sock", map[string]string{id2: inspect("db", "postgres:17", "")})
	oci := func(annotations string) string {
		return `{"ociVersion":"1.1","process":{"args":["x"]},"annotations":{` + annotations + `}}`
	}
	h.write("/run/containerd/io.containerd.runtime.v2.task/k8s.io/2"+id1[1:]+"/config.json", oci(
		`"io.kubernetes.cri.container-name":"api","io.kubernetes.cri.sandbox-name":"api-7","io.kubernetes.cri.sandbox-namespace":"shop","io.kubernetes.cri.image-name":"r/api:3"`))
	h.write("/run/containerd/io.containerd.runtime.v2.task/default/6"+id1[1:]+"/config.json", oci(`"nerdctl/name":"cache"`))
	h.write("/run/containers/storage/overlay-containers/5"+id1[1:]+"/userdata/config.json", oci(
		`"io.kubernetes.container.name":"job","io.kubernetes.pod.name":"job-1","io.kubernetes.pod.namespace":"batch","io.kubernetes.cri-o.ImageName":"r/job:1"`))
	h.write("/var/lib/docker/containers/7"+id1[1:]+"/config.v2.json", inspect("notes", "alpine", ""))
	r := h.reader(DefaultConfig())

	for _, tt := range []struct {
		name, path string
		want       *reset.Container
	}{
		{"Docker's socket", "/system.slice/docker-" + id1 + ".scope", &reset.Container{ID: id1, Runtime: docker, Name: "web", Image: "nginx:1.27"}},
		{"Kubernetes with Docker", "/kubepods/pod" + uid + "/1" + id1[1:], &reset.Container{ID: "1" + id1[1:], Runtime: docker, Name: "web", Image: "sha256:1", Pod: "web-1", Namespace: "shop"}},
		{"podman's socket", "/machine.slice/libpod-" + id2 + ".scope/container", &reset.Container{ID: id2, Runtime: podman, Name: "db", Image: "postgres:17"}},
		{"containerd's files", pod + "cri-containerd-2" + id1[1:] + ".scope", &reset.Container{ID: "2" + id1[1:], Runtime: containerd, Name: "api", Image: "r/api:3", Pod: "api-7", Namespace: "shop"}},
		{"nerdctl", "/system.slice/nerdctl-6" + id1[1:] + ".scope", &reset.Container{ID: "6" + id1[1:], Runtime: containerd, Name: "cache"}},
		{"CRI-O's files", pod + "crio-5" + id1[1:] + ".scope", &reset.Container{ID: "5" + id1[1:], Runtime: crio, Name: "job", Image: "r/job:1", Pod: "job-1", Namespace: "batch"}},
		{"Docker's files", "/docker/7" + id1[1:], &reset.Container{ID: "7" + id1[1:], Runtime: docker, Name: "notes", Image: "alpine"}},
		{"a hostile name", "/docker/3" + id1[1:], &reset.Container{ID: "3" + id1[1:], Runtime: docker, Name: "a?[2Jb", Image: strings.Repeat("x", maxName)}},
		{"an answer that ends too early", "/docker/a" + id1[1:], &reset.Container{ID: "a" + id1[1:], Runtime: docker}},
		{"a container that nobody knows", "/docker/8" + id1[1:], &reset.Container{ID: "8" + id1[1:], Runtime: docker}},
		{"a pod whose runtime is silent", pod + "crio-9" + id1[1:] + ".scope", &reset.Container{ID: "9" + id1[1:], Runtime: crio, Pod: uid}},
		{"a service", "/system.slice/nginx.service", &reset.Container{ID: "nginx.service", Runtime: systemd}},
		{"neither", "/user.slice/user-0.slice/session-1.scope", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := settled(t, r, reset.Reset{}, &reset.Context{Cgroup: h.cgroup(tt.path)})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("container (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEnrichByProcess: the lines of /proc serve where the socket's cgroup says
// nothing, as on hosts with cgroups of version 1.
func TestEnrichByProcess(t *testing.T) {
	h := newHost(t)
	for pid, text := range map[int]string{
		7: "12:pids:/docker/" + id1 + "\n11:memory:/docker/" + id1 + "\n1:name=systemd:/docker/" + id1 + "\n0::/system.slice/containerd.service\n",
		8: "0::/system.slice/nginx.service\n",
		9: "no line\n:\n::\n0::\n",
	} {
		h.write(fmt.Sprintf("/proc/%d/cgroup", pid), text)
	}
	r := h.reader(Config{Timeout: time.Second})
	for pid, want := range map[uint32]*reset.Container{
		7: {ID: id1, Runtime: docker}, 8: {ID: "nginx.service", Runtime: systemd}, 9: nil, 10: nil,
	} {
		record := reset.Reset{Process: &reset.Process{PID: reset.Some(pid)}}
		for _, c := range []*reset.Context{nil, {}, {Cgroup: 1}, {Cgroup: 1 << 40}} {
			if diff := cmp.Diff(want, settled(t, r, record, c)); diff != "" {
				t.Errorf("container of process %d (-want +got):\n%s", pid, diff)
			}
		}
	}
	if got := settled(t, r, reset.Reset{}, nil); got != nil {
		t.Errorf("a record of nobody got %+v", got)
	}
}

// TestEngineHangs: a runtime that does not answer holds up nothing but itself,
// and what the path says is there meanwhile.
func TestEngineHangs(t *testing.T) {
	h := newHost(t)
	h.engine("/var/run/docker.sock", map[string]string{id1: "hang"})
	cfg := DefaultConfig()
	cfg.Timeout = 50 * time.Millisecond
	r := h.reader(cfg)
	c := &reset.Context{Cgroup: h.cgroup("/docker/" + id1)}
	want := &reset.Container{ID: id1, Runtime: docker}
	if diff := cmp.Diff(want, settled(t, r, reset.Reset{}, c)); diff != "" {
		t.Errorf("container (-want +got):\n%s", diff)
	}
	if n := r.Counts().Names; n != (lookup.Counts{Asked: 1, Kept: 1}) {
		t.Errorf("counts of names %+v", n)
	}
}

// TestRealCgroup moves a process into a cgroup that is named like Docker's and
// finds the container by the cgroup's number and by the process.
func TestRealCgroup(t *testing.T) {
	testkit.RequireRoot(t)
	mount := cgroup.Mount("/sys/fs/cgroup")
	slice := fmt.Sprintf("%s/rstwatch%d.slice", mount, os.Getpid())
	scope := slice + "/docker-" + id1 + ".scope"
	if err := os.MkdirAll(scope, 0o755); err != nil {
		if testkit.Required() {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	sleep := exec.Command("sleep", "600")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		sleep.Process.Kill()
		sleep.Wait()
		for _, path := range []string{scope, slice} {
			if err := unix.Rmdir(path); err != nil {
				t.Errorf("removing %q: %v", path, err)
			}
		}
	})
	if err := os.WriteFile(scope+"/cgroup.procs", fmt.Append(nil, sleep.Process.Pid), 0); err != nil {
		t.Fatal(err)
	}
	var stat unix.Stat_t
	if err := unix.Stat(scope, &stat); err != nil {
		t.Fatal(err)
	}
	r := host{t, ""}.reader(Config{Timeout: time.Second})
	want := &reset.Container{ID: id1, Runtime: docker}
	if diff := cmp.Diff(want, settled(t, r, reset.Reset{}, &reset.Context{Cgroup: stat.Ino})); diff != "" {
		t.Errorf("by cgroup (-want +got):\n%s", diff)
	}
	record := reset.Reset{Process: &reset.Process{PID: reset.Some(uint32(sleep.Process.Pid))}}
	if diff := cmp.Diff(want, settled(t, r, record, nil)); diff != "" {
		t.Errorf("by process (-want +got):\n%s", diff)
	}
}
