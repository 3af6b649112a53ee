package coordinator

// prepared takes what was decided about a node before any attempt.
func (r *Run) prepared(n *node, e Event) (func(), string) {
	if !n.is(fresh, ready) || n.role == call && e.Kind != Refused {
		return nil, "it is not at its beginning"
	}
	switch e.Kind {
	case Skipped:
		return func() { n.reason = e.Note; n.label = Trusted; r.settle(n, skipped) }, ""
	case Refused:
		if e.Failure == nil {
			return nil, "it carries no failure"
		}
		return func() { r.giveUp(n, e.Failure) }, ""
	case Waited:
		return func() {
			n.waited = true
			if n.use == "" {
				n.label = Trusted
				r.settle(n, done)
			}
		}, ""
	}
	return r.expanded(n, e)
}

func (r *Run) expanded(n *node, e Event) (func(), string) {
	if n.role != fan || n.phase != fresh {
		return nil, "it has no items"
	}
	v, err := decode(e.Items)
	items, ok := v.([]any)
	if err != nil || !ok {
		return nil, "items must be a list"
	}
	return func() {
		n.items, n.inLabel, n.begun = items, e.Label, r.at
		if len(items) == 0 {
			r.to(n, joinable)
			return
		}
		r.to(n, working)
		r.fill(n)
	}, ""
}

// fill begins as many items as there is room for; of a loop that a rerun goes on with, the rounds that are not done.
func (r *Run) fill(n *node) {
	for n.role != fan || n.step.Parallel == 0 || n.running < n.step.Parallel {
		switch {
		case n.rest != nil && len(n.rest.items) > 0:
			r.mendPart(n)
		case n.role == fan && len(n.children) < len(n.items):
			r.nextItem(n)
		default:
			return
		}
	}
}

func (r *Run) nextItem(n *node) {
	i := len(n.children)
	kind := leaf
	if n.step.until != nil {
		kind = loop
	}
	item := value{v: n.items[i], label: n.inLabel}
	r.child(n, &node{path: itemPath(generationPath(n.path, n.generation), i), role: kind, index: i, item: &item})
}

func (r *Run) nextRound(n *node) {
	last := value{label: Trusted} // null before the first round
	if i := len(n.children); i > 0 {
		last = n.children[i-1].value()
	}
	round := &node{path: roundPath(generationPath(n.path, n.generation), len(n.children)), role: leaf, index: len(n.children), item: n.item, last: &last}
	r.child(n, round)
}

func (r *Run) child(n, c *node) {
	c.step, c.use, c.scope, c.parent, c.waited = n.step, n.use, n.scope, n, true
	n.children = append(n.children, r.create(c))
	n.running++
	r.freshen(c)
}

func (r *Run) looped(n *node, e Event) (func(), string) {
	first := n.phase == fresh && len(n.children) == 0
	if n.role != loop || !first && n.phase != joinable {
		return nil, "it is not between two rounds"
	}
	return func() {
		if first {
			n.begun = r.at
		}
		r.to(n, working)
		r.nextRound(n)
	}, ""
}

func (r *Run) joined(n *node, e Event) (func(), string) {
	if n.phase != joinable {
		return nil, "its parts are not through"
	}
	if _, err := decode(e.Output); err != nil {
		return nil, "output: " + err.Error()
	}
	return func() {
		if n.sub != nil {
			r.leave(n.sub)
		}
		if e.Failure != nil && n.broken != nil { // a person was asked about the part, where that was wanted
			r.die(n, e.Failure)
			return
		}
		if e.Failure != nil {
			r.giveUp(n, e.Failure)
			return
		}
		n.output, n.label, n.decoded = e.Output, e.Label, nil
		if n.role == leaf {
			r.remember(n)
			r.replaceBelow(n)
		}
		r.settle(n, done)
	}, ""
}
