// Package packaging holds the files that a machine gets besides the binary, so that "rstwatch install" can write
// them without a source tree at hand.
package packaging

import _ "embed"

// Service is the systemd unit. It names the binary as ServiceBinary.
//
//go:embed systemd/rstwatch.service
var Service string

// ServiceBinary is the path of the binary in Service, to be replaced where it is installed elsewhere.
const ServiceBinary = "/usr/local/bin/rstwatch"
