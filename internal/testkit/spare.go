package testkit

import "fmt"

// spareDevice is the spare namespace's device on the bridge.
const spareDevice = "o1"

// Spare is a third host on the lab's bridge, 10.77.3.4 and fd77:3::4, made when
// it is first asked for.
func (l *Lab) Spare() (*Node, error) {
	const role, port = "spare", "p2"
	for _, n := range l.nodes {
		if n.Role == role {
			return n, nil
		}
	}
	if l.Bridge == nil {
		return nil, fmt.Errorf("making a third host: the lab has no bridge")
	}
	n, err := l.NewNode(role)
	if err != nil {
		return nil, err
	}
	if err := l.Link(End{n, spareDevice, prefixes(3, 4)}, End{l.Bridge, port, nil}); err != nil {
		return nil, err
	}
	return n, l.enslave(port)
}

// enslave makes a device of the bridge's namespace one of its ports.
func (l *Lab) enslave(device string) error {
	bridge, err := l.Bridge.rt.LinkByName("br0")
	if err != nil {
		return err
	}
	port, err := l.Bridge.rt.LinkByName(device)
	if err != nil {
		return err
	}
	if err := l.Bridge.rt.LinkSetMaster(port, bridge); err != nil {
		return fmt.Errorf("adding %s to the bridge: %w", device, err)
	}
	return nil
}
