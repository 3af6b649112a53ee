package coordinator

import (
	"slices"
	"strings"
)

// undoNext starts the next compensation of a run that stops, once nothing is in flight or in doubt:
// in reverse journal order of the outcomes, one at a time.
func (r *Run) undoNext() {
	if r.top.busy > 0 {
		return
	}
	if ef := r.standing(); ef != nil && ef.undo == nil {
		r.compensate(ef)
	}
}

// standing returns the latest effect that has not been taken back.
func (r *Run) standing() *effect {
	r.effects = slices.DeleteFunc(r.effects, func(ef *effect) bool { return ef.gone })
	for _, ef := range slices.Backward(r.effects) {
		if r.takesBack(ef) {
			return ef
		}
	}
	return nil
}

func (r *Run) compensate(ef *effect) {
	if ef.undo != nil {
		return
	}
	n := ef.node
	n.undone = true
	undo := r.create(&node{
		path: undoPath(n.path, ef.generation), role: compensation, use: n.step.undo.Use, step: n.step.undo,
		scope: n.scope, parent: n.parent, index: n.index, item: n.item, last: n.last, undoes: ef, waited: true,
	})
	ef.undo = undo
	if !ef.unknown {
		r.to(undo, ready)
		return
	}
	undo.unknown = true
	undo.doubt = n.doubt
	r.to(undo, doubtful)
}

// compensated forgets an effect that was taken back, or that a person let stand.
func (r *Run) compensated(n *node) {
	n.undoes.gone = true
	of := n.undoes.node
	of.unknown = of.unknown && n.unknown // what became of it was asked about
	switch {
	case of.redo != nil && !r.haltedAt(of):
		r.regenerate(of, *of.redo)
	case n.fate != dead: // dead: a person let it stand
		for at := of; at != nil; at = at.above() {
			at.takenBack = true
		}
	}
}

// replaceBelow lets a done parent's compensation stand for those of the steps of its plan.
func (r *Run) replaceBelow(n *node) {
	if n.step == nil || n.step.undo == nil {
		return
	}
	below := generationPath(n.path, n.generation) + "#"
	for _, ef := range r.effects {
		if strings.HasPrefix(ef.node.path, below) {
			ef.gone = true
		}
	}
}

// standsBelow reports whether something that a node's plan or calls did still stands: doing the node again would double it.
func (r *Run) standsBelow(n *node) bool {
	below := generationPath(n.path, n.generation) + "#"
	for _, ef := range r.effects {
		if !ef.gone && strings.HasPrefix(ef.node.path, below) {
			return true
		}
	}
	return false
}

// takingBack reports whether something below s is being undone because it is to be done again.
func (r *Run) takingBack(s *scope) bool {
	for _, ef := range r.effects {
		if ef.undo != nil && !ef.gone && s.contains(ef.node) {
			return true
		}
	}
	return false
}

// undoVars lets a compensation see the output that it takes back under its step's own id.
func (n *node) undoVars() *vars {
	v := n.vars()
	own, lookup := n.undoes.node.step.ID, v.step
	v.step = func(id string) (value, bool) {
		if id == own {
			return n.undoes.output, true
		}
		return lookup(id)
	}
	return v
}
