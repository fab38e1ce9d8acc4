package netns

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseMounts(t *testing.T) {
	const text = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
36 22 0:4 net:[4026532281] /run/netns/blue rw shared:7 - nsfs nsfs rw
37 22 0:4 net:[4026532282] /run/docker/netns/a\040b\134 rw - nsfs nsfs rw
38 22 0:4 mnt:[4026532290] /run/other rw - nsfs nsfs rw
39 22 0:4 net:[] /run/netns/x rw - nsfs nsfs rw
x 22 0:4 net:[1] /run/netns/x rw - nsfs nsfs rw
40 22 0:4 net:[4026532283`
	want := []mount{
		{mountID: 36, nsID: 4026532281, path: "/run/netns/blue"},
		{mountID: 37, nsID: 4026532282, path: `/run/docker/netns/a b\`},
	}
	if diff := cmp.Diff(want, parseMounts([]byte(text)), cmp.AllowUnexported(mount{})); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
}

func TestMountName(t *testing.T) {
	tests := []struct{ name, path, want string }{
		{"ip netns", "/run/netns/blue", "blue"},
		{"docker", "/run/docker/netns/1a2b3c", "1a2b3c"},
		{"docker's name for the host", "/run/docker/netns/default", ""},
		{"a namespace of that name", "/run/netns/default", "default"},
		{"a process", "/proc/1/ns/net", ""},
		{"elsewhere", "/var/lib/x/ns", "ns"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := mountName(tt.path); got != tt.want {
				t.Errorf("mountName(%q) = %q, want %q", tt.path, got, tt.want)
			}
		})
	}
}

// The best known name is the name, whatever the order of the mounts.
func TestMountOrder(t *testing.T) {
	const text = `50 22 0:4 net:[7] /var/lib/thing rw - nsfs nsfs rw
51 22 0:4 net:[7] /run/docker/netns/abc rw - nsfs nsfs rw
52 22 0:4 net:[7] /run/netns/web rw - nsfs nsfs rw
`
	f := &found{mounts: sortMounts(parseMounts([]byte(text)))}
	if got := f.name(); got != "web" {
		t.Errorf("name %q, want web", got)
	}
	want := []string{"/run/netns/web", "/run/docker/netns/abc", "/var/lib/thing"}
	if diff := cmp.Diff(want, f.paths()); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add([]byte("36 22 0:4 net:[4026532281] /run/netns/bl\\040ue rw shared:7 - nsfs nsfs rw\n"))
	f.Add([]byte("36 22 0:4 net:[99999999999999999999] \\9 rw"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, m := range sortMounts(parseMounts(text)) {
			if m.nsID == 0 || m.path == "" {
				t.Errorf("mount without namespace or path: %+v", m)
			}
		}
	})
}

func TestReusedNumber(t *testing.T) {
	m := mount{mountID: 1, nsID: 7, path: "/run/netns/a"}
	then := &found{mounts: []mount{m}, pids: []int{10, 20}}
	tests := []struct {
		name string
		now  *found
		want bool
	}{
		{"the same", &found{mounts: []mount{m}, pids: []int{10, 20}}, true},
		{"a process is left", &found{pids: []int{5, 20}}, true},
		{"the mount is left", &found{mounts: []mount{m}}, true},
		{"same path, another mount", &found{mounts: []mount{{mountID: 2, nsID: 7, path: m.path}}}, false},
		{"other processes", &found{pids: []int{11, 21}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.now.sharesReference(then); got != tt.want {
				t.Errorf("sharesReference = %v, want %v", got, tt.want)
			}
		})
	}
}
