package nflog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Config is how the kernel shall hand packets over.
type Config struct {
	Group     uint16        // in the rule; one socket per group and namespace
	CopyBytes uint32        // of each packet, from the IP header, at most
	Threshold uint32        // packets that make a batch
	Timeout   time.Duration // how long a batch waits to be full, in steps of 10 ms
	BatchSize uint32        // bytes of one batch, at most
	Buffer    int           // bytes of the socket's buffer: the most that can wait for us
}

const (
	configCommand   = 1
	configMode      = 2
	configBatchSize = 3
	configTimeout   = 4
	configThreshold = 5
	configFlags     = 6

	commandBind   = 1
	modePacket    = 2
	flagSequences = 1
)

// Conn is a socket that receives the packets of one group of the network
// namespace of the thread that opened it. One goroutine reads it.
type Conn struct {
	conn   *netlink.Conn
	raw    syscall.RawConn
	buffer []byte
	// Overruns counts how often the kernel said that the socket's buffer had been
	// full. How many packets were lost, the sequence numbers say.
	Overruns uint64
}

// Open binds a group. The error is unix.EBUSY if somebody else has it.
func Open(cfg Config) (*Conn, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("opening netfilter socket: %w", err)
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		c := &Conn{conn: conn, raw: raw, buffer: make([]byte, max(int(cfg.BatchSize), 64<<10)*2)}
		if err = c.configure(cfg); err == nil {
			return c, nil
		}
	}
	conn.Close()
	return nil, fmt.Errorf("binding nflog group %d: %w", cfg.Group, err)
}

func (c *Conn) configure(cfg Config) error {
	if err := c.setBuffer(cfg.Buffer); err != nil {
		return err
	}
	order := binary.BigEndian
	hundredths := uint32(max(cfg.Timeout/(10*time.Millisecond), 1))
	for _, attrs := range [][]netlink.Attribute{
		{{Type: configCommand, Data: []byte{commandBind}}},
		{
			{Type: configMode, Data: append(order.AppendUint32(nil, cfg.CopyBytes), modePacket, 0)},
			{Type: configBatchSize, Data: order.AppendUint32(nil, cfg.BatchSize)},
			{Type: configTimeout, Data: order.AppendUint32(nil, hundredths)},
			{Type: configThreshold, Data: order.AppendUint32(nil, cfg.Threshold)},
			{Type: configFlags, Data: order.AppendUint16(nil, flagSequences)},
		},
	} {
		data, err := netlink.MarshalAttributes(attrs)
		if err != nil {
			return err
		}
		header := order.AppendUint16([]byte{unix.AF_UNSPEC, 0}, cfg.Group)
		_, err = c.conn.Execute(netlink.Message{
			Header: netlink.Header{
				Type:  netlink.HeaderType(unix.NFNL_SUBSYS_ULOG<<8 | messageConfig),
				Flags: netlink.Request | netlink.Acknowledge,
			},
			Data: append(header, data...),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// setBuffer asks for more than net.core.rmem_max allows, which CAP_NET_ADMIN
// may, and else for what is allowed.
func (c *Conn) setBuffer(bytes int) error {
	var err error
	controlErr := c.raw.Control(func(fd uintptr) {
		if err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bytes); err != nil {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, bytes)
		}
	})
	return errors.Join(controlErr, err)
}

// Receive waits for the next batch and calls fn for each packet in it, which
// is valid until fn returns. After the deadline, its error is
// os.ErrDeadlineExceeded.
func (c *Conn) Receive(fn func(*Packet)) error {
	var n int
	var from unix.Sockaddr
	var err error
	readErr := c.raw.Read(func(fd uintptr) bool {
		n, _, _, from, err = unix.Recvmsg(int(fd), c.buffer, nil, unix.MSG_DONTWAIT)
		return err != unix.EAGAIN && err != unix.EINTR
	})
	switch {
	case readErr != nil:
		return readErr
	case err == unix.ENOBUFS:
		c.Overruns++
		return nil
	case err != nil:
		return fmt.Errorf("reading nflog socket: %w", err)
	}
	if kernel, ok := from.(*unix.SockaddrNetlink); !ok || kernel.Pid != 0 {
		return nil // another process wrote to our socket
	}
	return Parse(c.buffer[:n], fn)
}

// SetReadDeadline ends Receive at a time.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.conn.SetReadDeadline(t) }

// SyscallConn gives access to the socket, for calls that need one of its
// namespace.
func (c *Conn) SyscallConn() syscall.RawConn { return c.raw }

// Close gives the group back.
func (c *Conn) Close() error { return c.conn.Close() }
