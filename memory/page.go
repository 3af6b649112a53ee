package memory

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
)

// A place is where something stands in a sorted list: fixed-width times, then the id. Lists sort places as text and the last
// place of a page is its cursor, so that pages stay exact while entries come and go.

var (
	runPlace   = regexp.MustCompile(`^\d{16}:[0-9A-Za-z_-]+$`)
	inboxPlace = regexp.MustCompile(`^\d{16}:\d{16}:[0-9A-Za-z_.-]+$`)
)

func placeOfRun(created int64, run string) string { return fmt.Sprintf("%016d:%s", created, run) }

// noDeadline sorts after every deadline.
const noDeadline = 9999999999999999

func placeOfQuestion(q coordinator.Escalation) string {
	deadline := int64(noDeadline)
	if !q.Deadline.IsZero() {
		deadline = max(0, q.Deadline.UnixMicro())
	}
	return fmt.Sprintf("%016d:%016d:%s", deadline, micros(q.Opened), q.ID)
}

func idAt(place string) string { return place[strings.LastIndexByte(place, ':')+1:] }

func checkCursor(cursor string, form *regexp.Regexp) error {
	if cursor != "" && !form.MatchString(cursor) {
		return fmt.Errorf("cursor %q: not one that this list gave out", cursor)
	}
	return nil
}

// cutPage shortens sorted places to a page and returns the cursor of the next; "" when this is the last.
func cutPage(places []string, limit int) ([]string, string) {
	n := pageSize(limit)
	if len(places) <= n {
		return places, ""
	}
	return places[:n], places[n-1]
}

// questionsAt cuts a page out of questions that are all at hand.
func questionsAt(found map[string]coordinator.Escalation, places []string, limit int) ([]coordinator.Escalation, string) {
	slices.Sort(places)
	places, cursor := cutPage(places, limit)
	var out []coordinator.Escalation
	for _, place := range places {
		out = append(out, found[place])
	}
	return out, cursor
}
