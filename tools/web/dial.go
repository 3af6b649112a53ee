package web

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"
)

// dialer connects to what the rules permit.
type dialer struct {
	*rules
	resolver *net.Resolver
	public   *ssrf.Guardian
}

func (d *dialer) dial(ctx context.Context, network, target string) (net.Conn, error) {
	name, port, err := net.SplitHostPort(target)
	if err != nil {
		return nil, err
	}
	name = canonicalHost(name)
	if numeric(name) { // what C libraries read as an address: 2130706433, 0x7f.1, 0177.0.0.1
		return nil, &RefusedError{Host: target, Why: "it is an address in an unusual form; write it as four decimal numbers"}
	}
	n := net.Dialer{Timeout: dialTimeout, Resolver: d.resolver}
	n.ControlContext = func(_ context.Context, network, address string, _ syscall.RawConn) error {
		return d.judge(target, name, port, network, address)
	}
	return n.DialContext(ctx, network, net.JoinHostPort(name, port))
}

// numeric reports whether a host ends in a number without being an address as we write them (WHATWG URL, "ends in a number").
func numeric(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return false
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil || strings.Trim(last, "0123456789") == ""
}

// judge sees the address that is about to be connected to.
func (d *dialer) judge(target, name, port, network, address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return &RefusedError{Host: target, Address: address, Why: "its address is none"}
	}
	ip := to.Addr().Unmap().WithZone("")
	if network != "tcp4" && network != "tcp6" {
		return &RefusedError{Host: target, Address: address, Why: "it is not reached by TCP"}
	}
	if d.public.SafeAddr(ip) == nil || d.permits(ip, name, port) {
		return nil
	}
	return &RefusedError{
		Host: target, Address: net.JoinHostPort(ip.String(), port), Why: fmt.Sprintf("%s is %s", ip, kind(ip)),
		Allow: fmt.Sprintf("add %q to private in the tool's settings", privateName(name, ip, port)),
	}
}

// privateName is what to write for an address: the name, where a name is enough.
func privateName(name string, ip netip.Addr, port string) string {
	if onlyByAddress(ip) {
		name = ip.String()
	}
	return net.JoinHostPort(name, port)
}

// permits reports whether the settings allow an address that is not public.
func (r *rules) permits(ip netip.Addr, name, port string) bool {
	for _, rule := range r.addresses {
		if rule.address == ip && (rule.port == "" || rule.port == port) {
			return true
		}
	}
	for _, network := range r.networks {
		if network.Contains(ip) {
			return true
		}
	}
	for _, rule := range r.names {
		if rule.matches(name, port) && !onlyByAddress(ip) {
			return true
		}
	}
	return false
}

// onlyByAddress reports whether a name is not enough to allow an address. Nobody's service has a name there, but the cloud's
// metadata does, so whoever answers for a permitted name must not lead there.
func onlyByAddress(ip netip.Addr) bool {
	return ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified()
}

func kind(ip netip.Addr) string {
	switch {
	case ip.IsLoopback():
		return "a loopback address"
	case ip.IsPrivate():
		return "a private address"
	case ip.IsLinkLocalUnicast():
		return "a link-local address"
	case ip.IsMulticast():
		return "a multicast address"
	case ip.IsUnspecified():
		return "the unspecified address"
	}
	return "not a public address"
}
