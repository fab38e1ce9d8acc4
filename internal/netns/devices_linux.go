package netns

import (
	"encoding/binary"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// Names of devices are asked for again after this time: they change.
	namesKeep = time.Second
	// Devices come and go, and their numbers do not come again.
	mostNames = 4096
)

// Devices knows the names of a namespace's network devices by their numbers.
// It is not safe for concurrent use.
type Devices struct {
	socket syscall.RawConn
	names  map[uint32]string
	asked  time.Time
}

// NewDevices asks through a socket of the namespace, of any kind, which must
// stay open.
func NewDevices(socket syscall.RawConn) *Devices {
	return &Devices{socket: socket, names: make(map[uint32]string)}
}

// Name returns the name of a device; empty for number 0 and for one that was
// never met while it was there. A device that is gone keeps its last name. A
// new name is noticed within a second.
func (d *Devices) Name(index uint32, now time.Time) string {
	if index == 0 {
		return ""
	}
	if age := now.Sub(d.asked); age > namesKeep || age < 0 {
		d.asked = now
		for known := range d.names {
			if name := deviceName(d.socket, known); name != "" {
				d.names[known] = name
			}
		}
	}
	name, ok := d.names[index]
	if !ok {
		if len(d.names) >= mostNames {
			clear(d.names)
		}
		name = deviceName(d.socket, index)
		d.names[index] = name
	}
	return name
}

// deviceName is netdevice(7)'s SIOCGIFNAME.
func deviceName(socket syscall.RawConn, index uint32) string {
	var name string
	_ = socket.Control(func(fd uintptr) {
		var request [unix.IFNAMSIZ + 24]byte // struct ifreq: name, then the index
		binary.NativeEndian.PutUint32(request[unix.IFNAMSIZ:], index)
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, unix.SIOCGIFNAME, uintptr(unsafe.Pointer(&request)))
		if errno == 0 {
			name = unix.ByteSliceToString(request[:unix.IFNAMSIZ])
		}
	})
	return name
}
