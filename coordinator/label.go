package coordinator

// Label says where a value came from. The zero value counts as untrusted.
type Label string

const (
	// Trusted: the operator's own words, workspace files, a person's amendment.
	Trusted Label = "trusted"
	// Untrusted: mail, web, files from outside, anything made after reading such a thing.
	Untrusted Label = "untrusted"
)

// Join returns the label of a value made from both.
func (l Label) Join(m Label) Label {
	if l == Trusted && m == Trusted {
		return Trusted
	}
	return Untrusted
}
