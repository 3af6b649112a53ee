package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
)

// MayDecide returns nil if a person may answer an escalation, else who may. A question for nobody in particular may be
// answered by everybody the workspace lists, or by anyone at all while it lists nobody.
func (w *Workspace) MayDecide(by string, e coordinator.Escalation) error {
	switch bar := e.Bars(by); {
	case by == "":
		return errors.New("a decision needs somebody's name")
	case bar != "":
		return errors.New(bar)
	case e.By == "" && (len(w.People) == 0 || w.isPerson(by)):
		return nil
	case e.By != "" && (by == e.By && !w.isGroup(by) || w.isMember(by, e.By)):
		return nil
	}
	return fmt.Errorf("%s may not decide this; %s", strconv.Quote(by), w.whoMay(e.By))
}

// MayAct returns nil if a person may cancel, redo or rerun a run that requester asked for, else who may.
func (w *Workspace) MayAct(by, act, requester string) error {
	named := map[string][]string{"cancel": w.Rights.Cancel, "redo": w.Rights.Redo, "rerun": w.Rights.Rerun}[act]
	switch {
	case act == "cancel" && by != "" && by == requester:
		return nil
	case len(named) == 0 && (len(w.People) == 0 || w.isPerson(by) || by == requester):
		return nil
	case len(named) == 0:
		return fmt.Errorf("%s may not %s it; %s", strconv.Quote(by), act, w.whoMay(""))
	}
	may := make([]string, len(named))
	for i, who := range named {
		if by == who && !w.isGroup(who) || w.isMember(by, who) {
			return nil
		}
		may[i] = who
	}
	return fmt.Errorf("%s may not %s it; %s may (rights.%s in %s)", strconv.Quote(by), act, inWords(may), act, WorkspaceFile)
}

func (w *Workspace) isPerson(name string) bool { _, ok := w.People[name]; return ok }
func (w *Workspace) isGroup(name string) bool {
	_, ok := w.Groups[name]
	return ok || len(w.members(name)) > 0
}

func (w *Workspace) isMember(person, group string) bool {
	return slices.Contains(w.People[person].Groups, group)
}

func (w *Workspace) members(group string) []string {
	var out []string
	for name := range w.People {
		if w.isMember(name, group) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// who returns all people and groups.
func (w *Workspace) who() []string {
	var out []string
	for name := range w.People {
		out = append(out, name)
	}
	for name := range w.Groups {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// whoMay says in words who may answer: ada (finance), or ada and eve.
func (w *Workspace) whoMay(by string) string {
	var people []string
	for name := range w.People {
		people = append(people, name)
	}
	slices.Sort(people)
	switch {
	case by == "" || w.isPerson(by):
		if by != "" {
			people = []string{by}
		}
		return inWords(people) + " may"
	case w.isGroup(by):
		if members := w.members(by); len(members) > 0 {
			return inWords(members) + " of " + by + " may"
		}
		return "the group " + by + " has no members: add some under people in " + WorkspaceFile
	}
	return strconv.Quote(by) + " may, and is not listed under people in " + WorkspaceFile
}

// inWords lists the first few names.
func inWords(names []string) string {
	const most = 5
	switch n := len(names); {
	case n == 0:
		return "nobody"
	case n == 1:
		return names[0]
	case n > most:
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", n-most)
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}
