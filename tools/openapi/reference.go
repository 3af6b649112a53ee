package openapi

import (
	"net/url"
	"path"
	"strings"
)

// maxReferences is how many references may follow each other.
const maxReferences = 50

// resolve follows $ref until something else stands there.
func (d *document) resolve(p place) (place, *Problem) {
	for range maxReferences {
		if !p.has("$ref") {
			return p, nil
		}
		next, wrong := d.target(p)
		if wrong != nil {
			return place{}, wrong
		}
		p = next
	}
	return place{}, p.problem("its references lead in a circle")
}

// target is where the $ref of p leads to.
func (d *document) target(p place) (place, *Problem) {
	at := p.child("$ref")
	ref, ok := at.value.(string)
	if !ok {
		return place{}, at.problem("a $ref must be text")
	}
	name, fragment, _ := strings.Cut(ref, "#")
	to := p.file
	if name != "" {
		var wrong *Problem
		if to, wrong = d.other(at, name); wrong != nil {
			return place{}, wrong
		}
	}
	pointer, err := url.PathUnescape(fragment)
	if err != nil || pointer != "" && !strings.HasPrefix(pointer, "/") {
		return place{}, at.problem("%q is no JSON pointer; references by name are not supported", ref)
	}
	out := place{file: to, value: to.value}
	if pointer == "" {
		return out, nil
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		if out = out.child(unescapeToken(token)); out.value == nil {
			return place{}, at.problem("%q leads nowhere: there is no %s", ref, out.pointer)
		}
	}
	return out, nil
}

// other is the file that a reference names, beside the one it stands in.
func (d *document) other(at place, name string) (*file, *Problem) {
	if u, err := url.Parse(name); err != nil || u.Scheme != "" || u.Host != "" {
		return nil, at.problem("%q is not in the workspace; save it there and refer to the file", name)
	}
	name, err := url.PathUnescape(name)
	if err != nil {
		return nil, at.problem("%q is no path", name)
	}
	if !strings.HasPrefix(name, "/") {
		name = path.Join(path.Dir(at.file.name), name)
	}
	f, err := d.open(name)
	if err != nil {
		return nil, at.problem("%v", err)
	}
	return f, nil
}
