//go:build unix

package program_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/program"
)

func TestExitStatusSaysWhatIsKnown(t *testing.T) {
	p := program.Program{Run: []string{"sh", "-c", `echo "the reason" >&2; exit $1`, "sh"}, Args: []string{"{status}"}}
	p.Exit = map[string]string{"7": "not_done", "8": "permanent", "9": "done", "64": "unknown"}
	b := openOne(t, p)
	for status, want := range map[int]coordinator.Failure{
		1: {}, 2: {}, 63: {}, 64: {}, 69: {}, 70: {}, 74: {}, 76: {}, 127: {}, 255: {},
		7: {NotDone: true}, 75: {NotDone: true},
		8: {NotDone: true, Permanent: true}, 65: {NotDone: true, Permanent: true}, 66: {NotDone: true, Permanent: true},
		67: {NotDone: true, Permanent: true}, 68: {NotDone: true, Permanent: true}, 77: {NotDone: true, Permanent: true}, 78: {NotDone: true, Permanent: true},
	} {
		want.Message = fmt.Sprintf("exec.it: exit status %d: the reason", status)
		if f := b.failure(fmt.Sprintf(`{"status": %d}`, status)); *f != want {
			t.Errorf("got %+v, want %+v", *f, want)
		}
	}
	for _, status := range []string{"0", "9"} {
		if got := b.out(`{"status": ` + status + `}`); got != `{"text":""}` {
			t.Errorf("status %s: %s", status, got)
		}
	}
}

func TestSignalLeavesTheOutcomeUnknown(t *testing.T) {
	f := openOne(t, program.Program{Run: []string{"sh", "-c", "echo half way >&2; kill -9 $$"}}).failure("")
	if f.NotDone || f.Message != "exec.it: signal: killed: half way" {
		t.Errorf("%+v", f)
	}
}

func TestOutputThatDoesNotFitIsAnErrorThatShowsIt(t *testing.T) {
	for _, effect := range []coordinator.Effect{coordinator.EffectRead, coordinator.EffectUnrepeatable} {
		p := play("echo")
		p.Effect = effect
		p.Output = json.RawMessage(`{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}`)
		b := openOne(t, p)
		f := b.failure(`{"n": "one"}`)
		if f.Permanent != (effect == coordinator.EffectRead) || f.NotDone != f.Permanent {
			t.Errorf("%s: %+v", effect, f)
		}
		want := `exec.it: it ended well, but its output does not fit: n must be a whole number, not a string; it begins "{\"n\": \"one\"}"`
		if f.Message != want {
			t.Errorf("got %s\nwant %s", f.Message, want)
		}
	}
	for script, want := range map[string]string{
		"true":                 "not JSON: it ends too early",
		"echo hello":           "not JSON: invalid character 'h'",
		"echo '{} {}'":         "not JSON: something follows the value",
		`printf '{"a": "\xff'`: "not JSON",
	} {
		f := openOne(t, program.Program{Run: []string{"sh", "-c", script}, Output: json.RawMessage(`{}`)}).failure("")
		if f.NotDone || !strings.Contains(f.Message, want) {
			t.Errorf("%s: %+v, want %s", script, f, want)
		}
	}
}

func TestProgramThatDoesNotReadItsInputIsFine(t *testing.T) {
	big := `{"text": "` + strings.Repeat("x", 1<<20) + `"}`
	if got := openOne(t, play("deaf")).out(big); got != `{"text":"did not listen"}` {
		t.Errorf("got %s", got)
	}
}

func TestProgramThatCannotBeStartedDidNothing(t *testing.T) {
	dir := t.TempDir()
	write(t, 0o755, "#!/no/such/interpreter\n", dir, "bin", "orphan")
	write(t, 0o755, "neither a script nor a binary", dir, "bin", "garbage")
	for _, name := range []string{"bin/orphan", "bin/garbage"} {
		b := open(t, dir, program.Settings{Programs: map[string]program.Program{"it": {Run: []string{name}}}})
		if f := b.failure(""); !f.Permanent || !strings.Contains(f.Message, "it could not be started") {
			t.Errorf("%s: %+v", name, f)
		}
	}
	p := play("arguments")
	p.Args = []string{"{a}"}
	if f := openOne(t, p).failure(`{"a": "` + strings.Repeat("x", 2<<20) + `"}`); !f.Permanent || !strings.Contains(f.Message, "could not be started") {
		t.Errorf("%+v", f.Message[:min(200, len(f.Message))])
	}
}

func TestSecretsDoNotShowInErrors(t *testing.T) {
	secret := `k3y/"with" 100%`
	quoted, err := json.Marshal(secret)
	must(err)
	t.Setenv("PASSED_TOKEN", "passed-canary")
	for name, script := range map[string]string{
		"stderr":  `echo "login with $TOKEN and $PASSED_TOKEN failed" >&2; exit 1`,
		"json":    `echo '{"token": ` + string(quoted) + `}' >&2; exit 1`,
		"control": `printf 'k3y/"wi\001th" 100%%' >&2; exit 1`,
		"note":    `echo "used $TOKEN" >&2; echo '{}'`,
		"output":  `echo "$TOKEN"`,
		"schema":  `echo "[\"$PASSED_TOKEN\"]"`,
		"cut":     `i=0; while [ $i -lt 400 ]; do printf '%s' "$TOKEN"; i=$((i+1)); done >&2; exit 1`,
	} {
		p := program.Program{
			Run: []string{"sh", "-c", script}, Env: map[string]string{"TOKEN": secret}, Pass: []string{"PASSED_TOKEN"},
			Output: json.RawMessage(`{"type": "object"}`), MaxStderr: 100,
		}
		r, err := openOne(t, p).do(t.Context(), "exec.it", "")
		text := fmt.Sprint(r.Note, err)
		if strings.Contains(text, "k3y") || strings.Contains(text, "100%") || strings.Contains(text, "canary") {
			t.Errorf("%s: %s", name, text)
		}
		if !strings.Contains(text, "[secret ") && name != "cut" {
			t.Errorf("%s: nothing is masked in %s", name, text)
		}
	}
}

func TestErrorHoldsTheEndOfStandardErrorFitForATerminal(t *testing.T) {
	p := program.Program{
		Run:       []string{"sh", "-c", `i=0; while [ $i -lt 5000 ]; do echo "line $i of the log" >&2; i=$((i+1)); done; printf '\033[31mred\a\r\n' >&2; exit 1`},
		MaxStderr: 60,
	}
	f := openOne(t, p).failure("")
	if want := "exec.it: exit status 1: … line 4998 of the log\nline 4999 of the log\n[31mred"; f.Message != want {
		t.Errorf("got %q, want %q", f.Message, want)
	}
}

func TestAttemptThatNeverHadItsTurnDidNothing(t *testing.T) {
	h := newHost(t)
	p := h.play("hang")
	b := open(t, t.TempDir(), program.Settings{Concurrent: 1, Programs: map[string]program.Program{"it": p, "other": play("echo")}})
	first, stop := h.start(b, "exec.it", "")
	h.arrived()
	ctx, cancel := contextThatEnds(t)
	cancel()
	_, err := b.do(ctx, "exec.other", "")
	if f := coordinator.FailureOf(err); f == nil || !f.NotDone || !strings.Contains(f.Message, "1 programs run at a time") {
		t.Errorf("%+v", f)
	}
	stop()
	<-first
	if _, err := b.do(t.Context(), "exec.other", ""); err != nil {
		t.Errorf("its turn does not come any more: %v", err)
	}
}
