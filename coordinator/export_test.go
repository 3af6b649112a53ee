package coordinator

// Frontier returns how many pieces of work every reading of the run looks at.
func (r *Run) Frontier() int { return len(r.frontier) }

// Pieces returns how many pieces of work the run has in memory.
func (r *Run) Pieces() int { return len(r.nodes) }
