package web

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// rules are a guard's settings, understood.
type rules struct {
	hosts     []hostRule
	names     []hostRule     // private, by the name that is dialled
	addresses []addressRule  // private, by address
	networks  []netip.Prefix // private, by network
	redirects int
}

// hostRule is a host name, perhaps with a port. Below: every name under it, not the name itself.
type hostRule struct {
	name  string
	below bool
	port  string // "": any
}

type addressRule struct {
	address netip.Addr
	port    string // "": any
}

func (g Guard) rules() (*rules, error) {
	r := &rules{redirects: g.Redirects}
	if r.redirects == 0 {
		r.redirects = DefaultRedirects
	}
	var wrong []error
	for i, text := range g.Hosts {
		rule, err := parseHost(text)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("hosts[%d]: %w", i, err))
		}
		r.hosts = append(r.hosts, rule)
	}
	for i, text := range g.Private {
		if err := r.addPrivate(text); err != nil {
			wrong = append(wrong, fmt.Errorf("private[%d]: %w", i, err))
		}
	}
	return r, errors.Join(wrong...)
}

func (r *rules) addPrivate(text string) error {
	if strings.Contains(text, "/") && !strings.Contains(text, "://") {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("%q is not a network; write one as 10.1.0.0/16", text)
		}
		if network != network.Masked() {
			return fmt.Errorf("%q has bits beyond its length; write %s", text, network.Masked())
		}
		r.networks = append(r.networks, network)
		return nil
	}
	rule, err := parseHost(text)
	if err != nil {
		return err
	}
	if address, err := netip.ParseAddr(rule.name); err == nil {
		r.addresses = append(r.addresses, addressRule{address.Unmap(), rule.port})
		return nil
	}
	if rule.below {
		return fmt.Errorf("%q: a private host is named in full; for many, write their network", text)
	}
	r.names = append(r.names, rule)
	return nil
}

func parseHost(text string) (hostRule, error) {
	name, port, err := splitPort(text)
	if err != nil {
		return hostRule{}, fmt.Errorf("%q is not a host; write one as example.com or example.com:8080", text)
	}
	rule := hostRule{name: canonicalHost(name), port: port}
	if rest, ok := strings.CutPrefix(rule.name, "*."); ok {
		rule.name, rule.below = rest, true
	}
	if rule.name == "" || strings.ContainsAny(rule.name, "*/@?# ") {
		return hostRule{}, fmt.Errorf("%q is not a host; write one as example.com, example.com:8080 or *.example.com, without a scheme or path", text)
	}
	return rule, nil
}

// splitPort cuts an optional port off a host. An IPv6 address with a port stands in brackets.
func splitPort(text string) (name, port string, err error) {
	if _, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil || !strings.Contains(text, ":") {
		return text, "", nil
	}
	if name, port, err = net.SplitHostPort(text); err != nil {
		return "", "", err
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", fmt.Errorf("port %q is not one", port)
	}
	return name, port, nil
}

// canonicalHost makes two spellings of a host equal.
func canonicalHost(name string) string {
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if address, err := netip.ParseAddr(name); err == nil {
		return address.Unmap().String()
	}
	return name
}

func (h hostRule) matches(name, port string) bool {
	if h.port != "" && h.port != port {
		return false
	}
	if h.below {
		return strings.HasSuffix(name, "."+h.name)
	}
	return name == h.name
}
