package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// details are what a runtime knows of a container.
type details struct {
	name, image, pod, namespace string
	runtime                     string // where the path did not tell
}

// maxAnswer bounds what is read of a runtime's answer or file.
const maxAnswer = 4 << 20

// The labels and annotations by which runtimes mark what they made for
// Kubernetes: the kubelet's, containerd's, CRI-O's; and nerdctl's name.
var (
	nameLabels      = []string{"io.kubernetes.container.name", "io.kubernetes.cri.container-name", "nerdctl/name"}
	podLabels       = []string{"io.kubernetes.pod.name", "io.kubernetes.cri.sandbox-name"}
	namespaceLabels = []string{"io.kubernetes.pod.namespace", "io.kubernetes.cri.sandbox-namespace"}
	imageLabels     = []string{"io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName", "io.kubernetes.cri-o.Image"}
)

func firstOf(labels map[string]string, names []string) string {
	for _, name := range names {
		if value := labels[name]; value != "" {
			return clean(value)
		}
	}
	return ""
}

// inspection is what Docker and podman answer, and what Docker keeps on disk.
type inspection struct {
	Name   string
	Config struct {
		Image  string
		Labels map[string]string
	}
}

func (i inspection) details(runtime string) details {
	d := details{
		name: clean(strings.TrimPrefix(i.Name, "/")), image: clean(i.Config.Image), runtime: runtime,
		pod: firstOf(i.Config.Labels, podLabels), namespace: firstOf(i.Config.Labels, namespaceLabels),
	}
	if name := firstOf(i.Config.Labels, nameLabels); name != "" && d.pod != "" {
		d.name = name
	}
	return d
}

// bundle is the part of an OCI bundle's config.json that is of interest.
type bundle struct {
	Annotations map[string]string `json:"annotations"`
}

// A source knows containers by their ids. It reports false for those that it
// does not know.
type source interface {
	details(ctx context.Context, id string) (details, bool)
}

// files are bundles, or Docker's own notes, in folders named like the id.
type files struct {
	pattern string // with * for the id, and ? before it for any one folder
	runtime string
}

// stateFiles are where runtimes keep what they know without being asked.
func stateFiles(root string) []source {
	under := func(path, runtime string) source { return files{root + path, runtime} }
	return []source{
		under("/run/containerd/io.containerd.runtime.v2.task/?/*/config.json", containerd),
		under("/run/k3s/containerd/io.containerd.runtime.v2.task/?/*/config.json", containerd),
		under("/run/containers/storage/overlay-containers/*/userdata/config.json", crio),
		under("/var/lib/docker/containers/*/config.v2.json", docker),
	}
}

func (f files) details(_ context.Context, id string) (details, bool) {
	if !isID(id) {
		return details{}, false
	}
	for _, path := range f.paths(id) {
		text, err := readFile(path)
		if err != nil {
			continue
		}
		if f.runtime == docker {
			var i inspection
			if json.Unmarshal(text, &i) == nil && i.Name != "" {
				return i.details(docker), true
			}
			continue
		}
		var b bundle
		if json.Unmarshal(text, &b) != nil {
			continue
		}
		d := details{
			name: firstOf(b.Annotations, nameLabels), image: firstOf(b.Annotations, imageLabels),
			pod: firstOf(b.Annotations, podLabels), namespace: firstOf(b.Annotations, namespaceLabels), runtime: f.runtime,
		}
		if d.name != "" || d.pod != "" {
			return d, true
		}
	}
	return details{}, false
}

// maxNamespaces bounds the folders that stand for containerd's namespaces.
const maxNamespaces = 64

func (f files) paths(id string) []string {
	path := strings.ReplaceAll(f.pattern, "*", id)
	before, after, ok := strings.Cut(path, "?")
	if !ok {
		return []string{path}
	}
	entries, err := os.ReadDir(before)
	if err != nil {
		return nil
	}
	var list []string
	for _, entry := range entries[:min(len(entries), maxNamespaces)] {
		list = append(list, before+entry.Name()+after)
	}
	return list
}

// readFile reads a file of bounded size, if it is one.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxAnswer {
		return nil, fmt.Errorf("reading %q: not a file of at most %d bytes", filepath.Base(path), maxAnswer)
	}
	return os.ReadFile(path)
}

// engine is a Docker engine, or podman in its place, behind a Unix socket.
type engine struct {
	socket  string
	runtime string
	client  *http.Client
}

func newEngine(socket string) *engine {
	runtime := docker
	if strings.Contains(filepath.Base(socket), podman) {
		runtime = podman
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &engine{socket: socket, runtime: runtime, client: &http.Client{
		Transport:     &http.Transport{DialContext: dial, MaxIdleConns: 1, IdleConnTimeout: 10 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("redirected") },
	}}
}

func (e *engine) details(ctx context.Context, id string) (details, bool) {
	if !isID(id) {
		return details{}, false
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/containers/"+id+"/json", nil)
	if err != nil {
		return details{}, false
	}
	response, err := e.client.Do(request)
	if err != nil {
		return details{}, false
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return details{}, false
	}
	var i inspection
	if json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&i) != nil || i.Name == "" {
		return details{}, false
	}
	return i.details(e.runtime), true
}
