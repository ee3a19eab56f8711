// Package loopback tells whether a host is this machine. What is secret goes there in clear, and nowhere else.
package loopback

import (
	"net"
	"strings"
)

// Is reports whether a host is this machine, by its name or address alone: nothing is looked up.
func Is(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Host is the host of HOST or HOST:PORT, as a request names it, without the brackets of an IPv6 address.
func Host(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}
