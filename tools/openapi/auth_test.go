package openapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/openapi"
)

func TestOAuthTokensAreFetchedOnceAndAgainWhenRefused(t *testing.T) {
	good, asked, refuse := 0, "", false
	var mu sync.Mutex
	login := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id, secret, _ := r.BasicAuth()
		if refuse || id != "robot" || secret != "canary-secret" {
			answering(401, "application/json", `{"error": "invalid_client", "error_description": "canary-secret"}`)(w, r)
			return
		}
		good++
		answering(200, "application/json", fmt.Sprintf(`{"access_token": "canary-token-%d", "token_type": "bearer", "expires_in": 3600}`, good))(w, r)
	})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if asked = r.Header.Get("Authorization"); asked != fmt.Sprintf("Bearer canary-token-%d", good) {
			answering(401, "text/plain", "bad "+asked)(w, r)
			return
		}
		answering(200, "text/plain", "ok")(w, r)
	})
	w := open(t, "testdata", at(s, func(a *openapi.API) {
		a.Operations = []string{"setNote"}
		a.Private = append(a.Private, login.host())
		a.Auth = map[string]openapi.Credential{"petstore_oauth": {ClientID: "robot", ClientSecret: "canary-secret", TokenURL: login.URL}}
	}))["petstore.setNote"]
	const input = `{"petId": "1", "body": "x"}`
	for range 2 {
		if _, err := do(w, input); err != nil {
			t.Fatal(err)
		}
	}
	if login.count() != 1 || login.last(t).body != "grant_type=client_credentials&scope=notes" {
		t.Errorf("%d tokens, %s", login.count(), login.last(t).body)
	}
	mu.Lock()
	good++ // the server forgets the token
	mu.Unlock()
	_, err := do(w, input)
	if f := coordinator.FailureOf(err); f == nil || !f.NotDone || f.Permanent || strings.Contains(f.Message, "canary") {
		t.Errorf("refused: %+v", f)
	}
	if _, err := do(w, input); err != nil || login.count() != 2 {
		t.Errorf("after a new token: %v, %d tokens", err, login.count())
	}
	mu.Lock()
	good, refuse = good+1, true
	mu.Unlock()
	do(w, input)
	before := s.count()
	_, err = do(w, input)
	if f := coordinator.FailureOf(err); f == nil || !f.Permanent || s.count() != before || f.Message != "petstore.setNote: token: the server answered 401 Unauthorized: invalid_client" {
		t.Errorf("no token: %+v", f)
	}
}
