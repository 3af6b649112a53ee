// Package diagram draws a plan: as text for terminals, and as SVG.
//
// Both pictures come from one layered layout (Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical
// system structures", 1981). A step lies below all that it waits for; the order within a layer is chosen for few crossings
// (barycenters); then everything moves as near to its neighbours as the order allows. What one step hands on to several
// others leaves it as one line that branches.
//
// The package is pure: it knows nothing of plans, runs or terminals, and equal pictures come from equal input.
package diagram
