package web

import (
	"context"
	"fmt"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
)

func (sv *service) requestTool() coordinator.Worker {
	text := "Asks a service over HTTP to do something, by any method. To read, use http.get. " +
		`Example: {"endpoint": "crm", "path": "/customers", "method": "POST", "json": {"name": "Ada"}, "expect": [201]}.` + sv.describe()
	return tools.New("http.request", text, sv.request, tools.Options{
		Effect: sv.effect, Authority: []string{"endpoint", "url", "path", "method", "file", "files", "save"}, Close: sv.close,
	})
}

func (sv *service) request(ctx context.Context, in RequestInput) (Output, error) {
	t, err := sv.prepare(ctx, in)
	if err != nil {
		return Output{}, err
	}
	send, most := sv.send, sv.settings.MaxBytes
	if sv.effect == coordinator.EffectUnrepeatable { // else the coordinator itself repeats what is unclear
		send = sv.sendUntilClear
	}
	if in.Save != "" {
		most = sv.settings.MaxSave
	}
	a, err := send(ctx, t, most)
	switch {
	case err != nil:
		return Output{}, err
	case in.Save == "":
		return output(ctx, a), nil
	}
	out, err := sv.save(a, in.Save, true) // checked before; what is there now is ours, or came in between
	if err != nil {
		return out, t.unsaved(a.status, err)
	}
	return out, nil
}

// unsaved keeps an error of the file from saying that nothing happened: the service has done its work.
func (t *target) unsaved(code int, err error) error {
	if safe(t.method) {
		return err
	}
	return fmt.Errorf("%s: %s, but its answer could not be saved: %s", t, status(code), err.Error())
}

// prepare makes everything ready that can go wrong before something is sent.
func (sv *service) prepare(ctx context.Context, in RequestInput) (*target, error) {
	t, err := sv.target(in.Address, in.Method)
	if err != nil {
		return nil, err
	}
	data, kind, err := sv.content(in.Content)
	if err != nil {
		return nil, coordinator.Permanent(err)
	}
	if data != nil && safe(in.Method) {
		return nil, coordinator.Permanent(fmt.Errorf("a %s carries no content", in.Method))
	}
	t.content = data
	if data != nil && t.header.Get("Content-Type") == "" {
		t.header.Set("Content-Type", kind)
	}
	if in.Save != "" {
		if err := sv.reserve(in.Save, in.Overwrite); err != nil {
			return nil, err
		}
	}
	return t, t.addKey(ctx)
}
