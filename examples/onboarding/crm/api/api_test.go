package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

const token = "a-token-for-tests"

func serve(t *testing.T, h Hiccups) *httptest.Server {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "crm.db"), token, h)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s)
	server.Config.SetKeepAlivesEnabled(false) // else net/http repeats what was lost by itself
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// ask returns the status and the body of an answer; an error if there was none.
func ask(server *httptest.Server, method, path, key, body string) (int, string, error) {
	req, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

func wants(t *testing.T, server *httptest.Server, method, path, key, body string, status int) string {
	t.Helper()
	got, text, err := ask(server, method, path, key, body)
	if err != nil || got != status {
		t.Fatalf("%s %s: %d %v %s, want %d", method, path, got, err, text, status)
	}
	return text
}

const tidewater = `{"name":"Tidewater","register_number":"WM 1","email":"a@tidewater.example","monthly_volume":18500.5}`

func TestNothingIsSaidWithoutTheToken(t *testing.T) {
	server := serve(t, Hiccups{})
	for _, header := range []string{"", "Bearer ", "Bearer wrong", token, "Basic " + token} {
		req, err := http.NewRequest(http.MethodGet, server.URL+"/customers", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", header)
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%q is let in: %s", header, resp.Status)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "crm.db"), "", Hiccups{}); err == nil {
		t.Error("a CRM without a token opens")
	}
}

func TestTheSameKeyGetsTheSameAnswerAndDoesNothingMore(t *testing.T) {
	server := serve(t, Hiccups{})
	first := wants(t, server, "POST", "/customers", "k1", tidewater, http.StatusCreated)
	if again := wants(t, server, "POST", "/customers", "k1", tidewater, http.StatusCreated); again != first {
		t.Errorf("%s, then %s", first, again)
	}
	wants(t, server, "DELETE", "/customers/C-1001", "k2", "", http.StatusNoContent)
	wants(t, server, "DELETE", "/customers/C-1001", "k2", "", http.StatusNoContent)
	wants(t, server, "DELETE", "/customers/C-1001", "k3", "", http.StatusNotFound)
	if got := wants(t, server, "GET", "/history?what=asked+again", "", "", http.StatusOK); strings.Count(got, "asked again") != 2 {
		t.Errorf("history: %s", got)
	}
}

func TestAKeyForAnotherRequestIsRefused(t *testing.T) {
	server := serve(t, Hiccups{})
	wants(t, server, "POST", "/customers", "k1", tidewater, http.StatusCreated)
	wants(t, server, "POST", "/customers", "k1", strings.Replace(tidewater, "Tide", "Low", 1), http.StatusUnprocessableEntity)
	wants(t, server, "DELETE", "/customers/C-1001", "k1", "", http.StatusUnprocessableEntity)
}

// What failed keeps no answer: the same key may try again.
func TestAKeyWhoseRequestFailedIsFree(t *testing.T) {
	server := serve(t, Hiccups{})
	wants(t, server, "PUT", "/customers/C-1001/status", "k1", `{"status":"active"}`, http.StatusNotFound)
	wants(t, server, "POST", "/customers", "", tidewater, http.StatusCreated)
	wants(t, server, "PUT", "/customers/C-1001/status", "k1", `{"status":"active"}`, http.StatusConflict)
	wants(t, server, "PUT", "/customers/C-1001/compliance", "k2", `{"verdict":"clear","risk":"low"}`, http.StatusOK)
	wants(t, server, "PUT", "/customers/C-1001/status", "k1", `{"status":"active"}`, http.StatusOK)
}

func TestALostAnswerWasDoneAndABusyOneWasNot(t *testing.T) {
	server := serve(t, Hiccups{Busy: 2, Lose: 3})
	wants(t, server, "POST", "/customers", "k1", tidewater, http.StatusCreated)
	other := strings.Replace(tidewater, "WM 1", "WM 2", 1)
	wants(t, server, "POST", "/customers", "k2", other, http.StatusServiceUnavailable)
	if status, _, err := ask(server, "POST", "/customers", "k2", other); !errors.Is(err, io.EOF) {
		t.Fatalf("the answer is not lost: %d %v", status, err)
	}
	wants(t, server, "DELETE", "/customers/C-1009", "k3", "", http.StatusServiceUnavailable)
	wants(t, server, "POST", "/customers", "k2", other, http.StatusCreated)
	var all struct{ Customers []Customer }
	if err := json.Unmarshal([]byte(wants(t, server, "GET", "/customers", "", "", http.StatusOK)), &all); err != nil || len(all.Customers) != 2 {
		t.Errorf("%+v %v", all, err)
	}
}

func TestACustomerWithLettersStays(t *testing.T) {
	server := serve(t, Hiccups{})
	wants(t, server, "POST", "/customers", "", tidewater, http.StatusCreated)
	wants(t, server, "POST", "/customers", "", tidewater, http.StatusConflict)
	wants(t, server, "POST", "/customers/C-1001/letters", "", `{"subject":"Hello","text":"…"}`, http.StatusCreated)
	wants(t, server, "DELETE", "/customers/C-1001", "", "", http.StatusConflict)
	wants(t, server, "DELETE", "/letters/1", "", "", http.StatusNoContent)
	wants(t, server, "DELETE", "/customers/C-1001", "", "", http.StatusNoContent)
	if got := wants(t, server, "POST", "/customers", "", tidewater, http.StatusCreated); !strings.Contains(got, "C-1002") {
		t.Errorf("a number is given twice: %s", got)
	}
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	server := serve(t, Hiccups{})
	wants(t, server, "POST", "/customers", "", `{"name":`, http.StatusBadRequest)
	wants(t, server, "POST", "/customers", "", `{"name":"Nobody"}`, http.StatusUnprocessableEntity)
	wants(t, server, "POST", "/customers", "", `{"name":"`+strings.Repeat("x", maxBody)+`"}`, http.StatusRequestEntityTooLarge)
	wants(t, server, "POST", "/customers", "", tidewater, http.StatusCreated)
	wants(t, server, "PUT", "/customers/C-1001/status", "", `{"status":"gone"}`, http.StatusUnprocessableEntity)
	wants(t, server, "POST", "/customers/C-1001/letters", "", `{"subject":"Hello","text":"…"}`, http.StatusCreated)
	wants(t, server, "PUT", "/letters/1/status", "", `{"status":"sent"}`, http.StatusOK)
	wants(t, server, "DELETE", "/letters/1", "", "", http.StatusConflict)
	wants(t, server, "PUT", "/letters/9/status", "", `{"status":"sent"}`, http.StatusNotFound)
}
