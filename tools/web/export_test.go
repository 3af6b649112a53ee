package web

import (
	"net"
	"net/http"
)

// ClientOf is Client with a name server of the test's own.
func (g Guard) ClientOf(resolver *net.Resolver) (*http.Client, error) { return g.client(0, resolver) }
