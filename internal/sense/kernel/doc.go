// Package kernel is the sensor that asks the kernel itself: BPF programs on
// tracepoints that see every RST of every network namespace, on the wire and
// inside TCP, with nothing attached to any device, namespace or firewall.
//
// The programs are in bpf/; they observe and emit. This package loads the
// variant of each that the running kernel can take, drains their ring buffer
// and turns what it holds into reset.Sighting.
package kernel
