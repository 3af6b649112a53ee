package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
)

func (sv *service) getTool() coordinator.Worker {
	text := "Reads from a service over HTTP. JSON comes back under json, other text under text. " +
		`Example: {"endpoint": "crm", "path": "/customers", "query": {"city": "Ghent"}} gives {"status": 200, "json": [{"id": 17}], …}.` + sv.describe()
	return tools.New("http.get", text, sv.get, tools.Options{
		Effect: coordinator.EffectRead, Authority: []string{"endpoint", "url", "path"}, Close: sv.close,
	})
}

func (sv *service) get(ctx context.Context, in GetInput) (Output, error) {
	t, err := sv.target(in.Address, cmp.Or(in.Method, http.MethodGet))
	if err != nil {
		return Output{}, err
	}
	if in.Pages != nil {
		if t.method != http.MethodGet {
			return Output{}, coordinator.Permanent(errors.New("pages: a HEAD has none"))
		}
		return sv.collect(ctx, t, *in.Pages)
	}
	a, err := sv.send(ctx, t, sv.settings.MaxBytes)
	if err != nil {
		return Output{}, err
	}
	return output(ctx, a), nil
}

func (sv *service) downloadTool() coordinator.Worker {
	text := "Reads from a service over HTTP and writes the answer, of any kind, to a file of the workspace. " +
		`Example: {"endpoint": "crm", "path": "/customers/17/contract.pdf", "save": "contracts/17.pdf"}.` + sv.describe()
	return tools.New("http.download", text, sv.download, tools.Options{
		Effect: coordinator.EffectIdempotent, Authority: []string{"endpoint", "url", "path", "save"}, Close: sv.close,
	})
}

// download is idempotent: the file is written whole, and one that is like this already is left alone.
func (sv *service) download(ctx context.Context, in DownloadInput) (Output, error) {
	t, err := sv.target(in.Address, http.MethodGet)
	if err != nil {
		return Output{}, err
	}
	if err := sv.reserve(in.Save, true); err != nil {
		return Output{}, err
	}
	a, err := sv.send(ctx, t, sv.settings.MaxSave)
	if err != nil {
		return Output{}, err
	}
	return sv.save(a, in.Save, in.Overwrite)
}

// describe lists the endpoints for people and planners. Their addresses are left out: they say nothing that a caller needs.
func (sv *service) describe() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(sv.endpoints)) {
		fmt.Fprintf(&b, "\nendpoint %s", name)
		if text := sv.endpoints[name].Description; text != "" {
			b.WriteString(": " + text)
		}
	}
	return b.String()
}
