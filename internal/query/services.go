package query

import "slices"

// services are names that people use for TCP ports, as IANA assigns them. The
// table is fixed: a filter must not mean something else where /etc/services
// does.
var services = map[string]uint16{
	"ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "gopher": 70, "finger": 79,
	"http": 80, "www": 80, "kerberos": 88, "pop3": 110, "sunrpc": 111, "auth": 113, "nntp": 119, "ntp": 123,
	"epmap": 135, "netbios-ssn": 139, "imap2": 143, "imap": 143, "snmp": 161, "bgp": 179, "irc": 194, "ldap": 389,
	"https": 443, "microsoft-ds": 445, "submissions": 465, "login": 513, "shell": 514, "printer": 515,
	"submission": 587, "ipp": 631, "ldaps": 636, "domain-s": 853, "rsync": 873, "ftps": 990, "telnets": 992,
	"imaps": 993, "pop3s": 995, "socks": 1080, "openvpn": 1194, "ms-sql-s": 1433, "mqtt": 1883, "nfs": 2049,
	"iscsi-target": 3260, "mysql": 3306, "ms-wbt-server": 3389, "svn": 3690, "epmd": 4369, "sip": 5060,
	"sip-tls": 5061, "xmpp-client": 5222, "xmpp-server": 5269, "postgresql": 5432, "amqps": 5671, "amqp": 5672,
	"x11": 6000, "redis": 6379, "http-alt": 8080, "secure-mqtt": 8883, "git": 9418,
}

// lookupPort reads the number or the name of a port.
func lookupPort(text string) (uint16, bool) {
	if v, err := parseNumber(text); err == nil {
		return uint16(v), v <= 65535
	}
	port, ok := services[text]
	return port, ok
}

// serviceNames lists the names in alphabetical order.
func serviceNames() []string {
	names := make([]string, 0, len(services))
	for name := range services {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
