package status

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
)

func TestOthersAreAskedWithCare(t *testing.T) {
	// A token that came by HTTPS goes to no plain HTTP address that a member shows.
	first := client.Status{Node: "n1", Members: []client.MemberStatus{{Name: "n1"}, {Name: "n2", Info: "http://127.0.0.1:1"},
		{Name: "n3", Info: "file:///etc/passwd"}, {Name: "n4"}}}
	replies := Others(t.Context(), nil, "https://127.0.0.1:2", first) // a nil client could ask nobody
	for _, name := range []string{"n2", "n3", "n4"} {
		if replies[name].Err == nil {
			t.Errorf("%s was asked", name)
		}
	}
}

// TestPatience: who has patience asks again while nobody answers, or the node is starting; a refusal is final.
func TestPatience(t *testing.T) {
	var asked atomic.Int64
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"type":"t","code":"starting"}`)
			return
		}
		_, _ = io.WriteString(w, `{"node":"n1"}`)
	}))
	defer node.Close()
	cl := client.New("")
	defer cl.Close()
	urls := []string{"http://127.0.0.1:1", node.URL}
	if _, _, err := First(t.Context(), cl, urls, 0); err == nil || asked.Load() != 1 {
		t.Errorf("without patience: asked %d times, %v", asked.Load(), err)
	}
	if base, s, err := First(t.Context(), cl, urls, time.Minute); err != nil || base != node.URL || s.Node != "n1" || asked.Load() != 3 {
		t.Errorf("asked %d times: %s, %+v, %v", asked.Load(), base, s, err)
	}
	refusing := httptest.NewServer(http.NotFoundHandler())
	defer refusing.Close()
	if _, _, err := First(t.Context(), cl, []string{refusing.URL}, time.Hour); err == nil {
		t.Error("a refusal is no answer")
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, _, err := First(ctx, cl, urls[:1], time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
