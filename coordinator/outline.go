package coordinator

// Node is a step of a plan and the steps it waits for.
type Node struct {
	*Step
	After []string // ids, in the order of the plan: those of Needs, and those that its expressions name
}

// Outline returns the steps of a plan with all their dependencies, in the order of the plan. It looks at no workers.
// The error is a *PlanError, as Check gives it.
func Outline(p *Plan, l Limits) ([]Node, error) {
	prog, err := compile(p, compileOptions{limits: l})
	if err != nil {
		return nil, err
	}
	out := make([]Node, len(prog.steps))
	for i, st := range prog.steps {
		out[i].Step = st.Step
		for _, need := range st.needs {
			out[i].After = append(out[i].After, prog.steps[need].ID)
		}
	}
	return out, nil
}
