package capture

// Wrapping is a RST in a frame of some kind, for tests that ask another reader.
type Wrapping struct {
	Name string
	File []byte
}

// Wrappings are one file of each kind.
func Wrappings() (list []Wrapping) {
	for _, w := range wrappings() {
		list = append(list, Wrapping{w.name, file{link: w.link}.pcap(sample{start, w.frame})})
	}
	return list
}
