// Package correlate joins the sightings of one RST into one reset: one record
// per RST, namespace and direction, however many hooks, devices and sensors
// saw it.
//
// What belongs together is told by what the sightings share: the kernel's
// packet while it passes one namespace, the socket that sent or took it, or
// the addresses with SEQ, ACK, flags and IP ID. A reset waits for further
// sightings until none can come, or for the window; after that it is final
// here, and a sighting that comes later becomes a reset of its own.
package correlate
