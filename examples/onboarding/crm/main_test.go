package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/examples/onboarding/crm/api"
)

func TestItListensOnLoopbackOnlyAndWithATokenOnly(t *testing.T) {
	db := filepath.Join(t.TempDir(), "crm.db")
	for _, c := range []struct{ token, addr, why string }{
		{"", "127.0.0.1:0", "CRM_TOKEN is not set"},
		{"a-token", "0.0.0.0:0", "not on this machine's loopback"},
	} {
		t.Setenv("CRM_TOKEN", c.token)
		if err := serve(t.Context(), c.addr, db, api.Hiccups{}); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestItStopsWhenItIsTold(t *testing.T) {
	t.Setenv("CRM_TOKEN", "a-token")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := serve(ctx, "127.0.0.1:0", filepath.Join(t.TempDir(), "crm.db"), api.Hiccups{}); err != nil {
		t.Error(err)
	}
}
