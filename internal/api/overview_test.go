package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/status"
	"github.com/quadrille-stream/quadrille/node"
)

// overview is what the test needs of the answer.
type overview struct {
	Time time.Time
	Node string
	status.Overview
}

// TestOverview: what each node says of itself stands in one answer, and why one says nothing.
func TestOverview(t *testing.T) {
	shards := []node.ShardStatus{{Owner: "n2", Standby: "n1", Position: 4, State: "following"}}
	second := serve(t, &scripted{status: node.Status{Node: "n2", Pipeline: "main", Ready: true,
		Shards: []node.ShardStatus{{Owner: "n2", Position: 9, State: "owning"}}}}, api.Config{Access: only(t, "0123456789abcdef")})
	first := serve(t, &scripted{status: node.Status{Node: "n1", Pipeline: "main", Shards: shards, Members: []node.MemberStatus{{Name: "n1"},
		{Name: "n2", Info: second}, {Name: "n3", Info: "http://127.0.0.1:1"}}}}, api.Config{Access: only(t, "0123456789abcdef"),
		Peers: func(token string) *client.Client { return client.New(token) }})
	answer, body := call(t, "GET", first+"/v1/overview", "", "Authorization", "Bearer 0123456789abcdef")
	var o overview
	if err := json.Unmarshal([]byte(body), &o); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%d %v %s", answer.StatusCode, err, body)
	}
	if o.Node != "n1" || o.Time.IsZero() || o.Present != 2 || len(o.Nodes) != 3 || !o.Nodes[1].Ready || o.Nodes[2].Error == "" {
		t.Errorf("%+v", o)
	}
	if s := o.Shards[0]; s.State != "owning" || s.Lag == nil || *s.Lag != 5 {
		t.Errorf("%+v", s)
	}
}

// counted counts how often it is asked for its status.
type counted struct {
	*scripted
	asked atomic.Int64
}

func (c *counted) Status() graph.Status {
	c.asked.Add(1)
	return c.scripted.Status()
}

// watch opens a stream of overviews. next returns the type and the data of the next event, "" at the end.
func watch(t *testing.T, client *http.Client, url, token string) (next func() (kind, data string)) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url+"/v1/overview", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	lines := bufio.NewScanner(answer.Body)
	return func() (kind, data string) {
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				kind = text
			} else if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				data = text
			} else {
				return kind, data
			}
		}
		return "", ""
	}
}

// TestOverviewIsWatched: an event comes each second, whoever watches with the same token shares a round, and a stream ends when its
// token does.
func TestOverviewIsWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const text = "0123456789abcdef"
		token, err := access.NewToken("reader", access.Read, text)
		if err != nil {
			t.Fatal(err)
		}
		tokens := access.NewTokens(token)
		n := &counted{scripted: &scripted{status: node.Status{Node: "n1"}}}
		client, url := serveInBubble(t, n, api.Config{Access: api.Access{Tokens: tokens}}, true)
		first := watch(t, client, url, text)
		time.Sleep(300 * time.Millisecond) // of the bubble's time
		second := watch(t, client, url, text)
		var at []time.Time
		const rounds = 10
		for range rounds {
			var o overview
			_, data := first()
			if err := json.Unmarshal([]byte(data), &o); err != nil || o.Node != "n1" {
				t.Fatalf("%q %v", data, err)
			}
			if _, shared := second(); shared != data {
				t.Errorf("others see %q, not %q", shared, data)
			}
			at = append(at, o.Time)
		}
		if took := at[rounds-1].Sub(at[0]); took != (rounds-1)*time.Second || n.asked.Load() != rounds {
			t.Errorf("%d rounds in %v, and %d times asked", rounds, took, n.asked.Load())
		}
		tokens.Replace(nil)
		kind, data := first()
		if kind != "error" || code(t, data) != "unauthorized" {
			t.Errorf("a token that was taken away: %q %q", kind, data)
		}
		if kind, data := first(); kind+data != "" {
			t.Errorf("behind the end: %q %q", kind, data)
		}
	})
}

// TestWatchersAreBounded: there are as many as may be, and one that goes away makes room for another.
func TestWatchersAreBounded(t *testing.T) {
	url := serve(t, &scripted{}, api.Config{MaxWatchers: 1})
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", url+"/v1/overview", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if other, body := call(t, "GET", url+"/v1/overview", ""); other.StatusCode != 503 || code(t, body) != "too_many_streams" {
		t.Errorf("a second one: %d %s", other.StatusCode, body)
	}
	leave()
	_ = answer.Body.Close()
	for {
		if other, _ := call(t, "GET", url+"/v1/overview", ""); other.StatusCode == 200 {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatal("nobody made room")
		default:
		}
	}
}
