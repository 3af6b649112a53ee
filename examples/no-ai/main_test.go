package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
)

// stage opens the story's stage in a folder of the test's own.
func stage(t *testing.T) (*nights, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	n, err := open(t.TempDir(), &out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return n, &out
}

// stands returns how many vouchers, marks and messages there are.
func stands(t *testing.T, n *nights) [3]int {
	t.Helper()
	vouchers, err := n.books.Vouchers()
	if err != nil {
		t.Fatal(err)
	}
	marked := 0
	for _, o := range n.shop.Orders() {
		if o.Booked != "" {
			marked++
		}
	}
	return [3]int{len(vouchers), marked, int(n.chat.count())}
}

func move(t *testing.T, n *nights, night string, want [3]int) {
	t.Helper()
	if err := n.move(t.Context(), night); err != nil {
		t.Fatal(err)
	}
	if got := stands(t, n); got != want {
		t.Errorf("after %s: vouchers, marks, messages %v, want %v", night, got, want)
	}
}

func TestTheStoryEndsWithEqualRows(t *testing.T) {
	var out bytes.Buffer
	if err := tell(t.Context(), t.TempDir(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{
		"vouchers in the books: 0, orders marked in the shop: 0, messages to the team: 0\n",
		"503 Service Unavailable", "504 Gateway Timeout", "approve by bo", "is in liquidation",
		`result   {"booked":9,"left_behind":1,"marked":9,"orders":11,"told":true}`,
		`result   {"booked":0,"left_behind":1,"marked":9,"orders":11,"told":true}`,
		"*9* booked, 1 left behind. The list is in out/orders-2026-09-29.xlsx.",
		"W1007  paid       732.05       732.05        RF56W1007",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the story lacks %q", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", &out)
	}
}

func TestANightThatFailsLeavesNothingBehind(t *testing.T) {
	n, out := stage(t)
	n.books.Day(true)
	err := n.move(t.Context(), "2026-09-28")
	if ended := (*local.RunError)(nil); !errors.As(err, &ended) || ended.Status != coordinator.StatusFailed {
		t.Fatalf("a locked period ends with %v", err)
	}
	if got := stands(t, n); got != [3]int{} {
		t.Errorf("vouchers, marks, messages %v, want none", got)
	}
	if taken := strings.Count(out.String(), "(undo)") - strings.Count(out.String(), "failed"); taken < 9 {
		t.Errorf("only %d things were taken back", taken)
	}
}

func TestTheSameKeyIsTheSameRunAndSendsNothing(t *testing.T) {
	n, _ := stage(t)
	move(t, n, "2026-09-29", [3]int{9, 9, 1})
	requests, changes := n.shop.Requests(), n.books.Changes()
	move(t, n, "2026-09-29", [3]int{9, 9, 1})
	if n.shop.Requests() != requests || n.books.Changes() != changes {
		t.Error("the second time, requests were sent")
	}
}

func TestAShopThatForgotIsMarkedAgainAndNothingIsBookedTwice(t *testing.T) {
	n, _ := stage(t)
	move(t, n, "2026-09-29", [3]int{9, 9, 1})
	before, err := n.books.Vouchers()
	if err != nil {
		t.Fatal(err)
	}
	n.shop.Restore()
	move(t, n, "2026-09-30", [3]int{9, 9, 2})
	after, err := n.books.Vouchers()
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("the books changed from %v to %v", before, after)
	}
}

func TestALargeOrderThatBoRefusesIsLeftBehindAndTheOthersGoOn(t *testing.T) {
	n, _ := stage(t)
	n.bo = coordinator.Reject
	move(t, n, "2026-09-29", [3]int{8, 8, 1})
	if vouchers, _ := n.books.Vouchers(); vouchers["W1005"].Cents != 0 {
		t.Error("W1005 is booked although Bo refused")
	}
}

func TestTheReportListsWhatMovedAndWhatWasLeftBehind(t *testing.T) {
	n, _ := stage(t)
	move(t, n, "2026-09-29", [3]int{9, 9, 1})
	for sheet, want := range map[string]int{"Moved": 10, "Left behind": 1} {
		result, err := n.workers["xlsx.read"].Do(t.Context(), coordinator.Attempt{
			Input: json.RawMessage(fmt.Sprintf(`{"path": "out/orders-2026-09-29.xlsx", "sheet": %q}`, sheet)),
		})
		if err != nil {
			t.Fatal(err)
		}
		var table struct{ Rows []map[string]any }
		if err := json.Unmarshal(result.Output, &table); err != nil || len(table.Rows) != want {
			t.Errorf("sheet %s has %d rows, want %d (%v)", sheet, len(table.Rows), want, err)
		}
	}
}
