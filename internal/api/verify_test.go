package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/api"
)

// verifier answers as a test tells it to.
type verifier struct {
	verify func(context.Context) (*client.Report, error)
	at     func([]client.Place) ([]string, error)
}

func (v *verifier) Verify(ctx context.Context) (*client.Report, error) { return v.verify(ctx) }
func (v *verifier) At(_ context.Context, places []client.Place) ([]string, error) {
	return v.at(places)
}

// TestVerify: the report comes as it is, however long it takes, and to those alone who have the token.
func TestVerify(t *testing.T) {
	want := &client.Report{Node: "n1", Pipeline: "p", Replica: true, Logs: []client.LogReport{{Shard: client.ControlLog, Last: 3}},
		Marks: []client.MarkReport{{Shard: 1, Mark: engine.Mark{Position: 7, ID: "ni:x"}, From: "node n1"}}}
	release := make(chan struct{})
	url := serve(t, &scripted{}, api.Config{Access: only(t, "secret of the test"), Heartbeat: time.Millisecond, Verifier: &verifier{
		verify: func(context.Context) (*client.Report, error) {
			<-release
			return want, nil
		}}})
	if answer, body := call(t, http.MethodGet, url+"/v1/verify", ""); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the token: %s %s", answer.Status, body)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/verify", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer secret of the test")
	answer, err := http.DefaultClient.Do(r) // the answer begins before the work has ended
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	busy, body := call(t, http.MethodGet, url+"/v1/verify", "", "Authorization", "Bearer secret of the test")
	if busy.StatusCode != http.StatusServiceUnavailable || code(t, body) != "busy" || busy.Header.Get("Retry-After") == "" {
		t.Errorf("a second request at the same time: %s %s", busy.Status, body)
	}
	close(release)
	var got client.Verification
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Report); diff != "" || got.Error != nil {
		t.Errorf("%v, %s", got.Error, diff)
	}
}

// TestVerifyFails: an error is told before the answer has begun, and after.
func TestVerifyFails(t *testing.T) {
	slow := make(chan struct{})
	failing := &verifier{at: func([]client.Place) ([]string, error) { return nil, errors.New("no disk") },
		verify: func(context.Context) (*client.Report, error) {
			<-slow
			return nil, errors.New("no disk")
		}}
	url := serve(t, &scripted{}, api.Config{Verifier: failing}) // whose answers don't begin before, however busy the machine is
	answer, body := call(t, http.MethodGet, url+"/v1/verify?at=1:2", "")
	if answer.StatusCode != http.StatusInternalServerError || code(t, body) != "not_verified" {
		t.Errorf("%s %s", answer.Status, body)
	}
	url = serve(t, &scripted{}, api.Config{Heartbeat: 20 * time.Millisecond, Verifier: failing})
	answer, err := http.DefaultClient.Get(url + "/v1/verify")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	close(slow)
	var got client.Verification
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || answer.StatusCode != http.StatusOK ||
		got.Report != nil || got.Error == nil || got.Error.Code != "not_verified" || got.Error.Detail != "no disk" {
		t.Errorf("%s %+v, %v", answer.Status, got, err)
	}
}

// TestVerifyEnds: who goes away ends the work, and frees the place for the next.
func TestVerifyEnds(t *testing.T) {
	began, ended := make(chan struct{}, 1), make(chan struct{}, 1)
	url := serve(t, &scripted{}, api.Config{Verifier: &verifier{
		at: func(places []client.Place) ([]string, error) { return make([]string, len(places)), nil },
		verify: func(ctx context.Context) (*client.Report, error) {
			began <- struct{}{}
			<-ctx.Done()
			ended <- struct{}{}
			return nil, ctx.Err()
		}}})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/verify", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-began
		cancel()
	}()
	if answer, err := http.DefaultClient.Do(r); err == nil {
		_ = answer.Body.Close()
	}
	select {
	case <-ended:
	case <-time.After(3 * time.Minute):
		t.Fatal("the work goes on")
	}
	for deadline := time.Now().Add(3 * time.Minute); ; {
		answer, body := call(t, http.MethodGet, url+"/v1/verify?at=0:1", "")
		if answer.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the place is never free: %s %s", answer.Status, body)
		}
	}
}

// TestPlaces: places are read as they are written, and bounded.
func TestPlaces(t *testing.T) {
	var got []client.Place
	url := serve(t, &scripted{}, api.Config{Verifier: &verifier{at: func(places []client.Place) ([]string, error) {
		got = places
		return make([]string, len(places)), nil
	}}})
	want := []client.Place{{Shard: client.ControlLog, Position: 3}, {Shard: 4095, Position: 1 << 60}}
	if answer, body := call(t, http.MethodGet, url+"/v1/verify?at="+client.FormatPlaces(want), ""); answer.StatusCode != http.StatusOK {
		t.Errorf("%s %s", answer.Status, body)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	many := strings.Repeat("0:1,", client.MaxPlaces) + "0:1"
	for _, bad := range []string{"-1:1", "-2:1", "x:1", "1", "1:x", "1:-1", "1:2,", many} {
		if answer, body := call(t, http.MethodGet, url+"/v1/verify?at="+bad, ""); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("at=%.20s: %s %s", bad, answer.Status, body)
		}
	}
	url = serve(t, &scripted{}, api.Config{})
	if answer, body := call(t, http.MethodGet, url+"/v1/verify", ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("without a verifier: %s %s", answer.Status, body)
	}
}
