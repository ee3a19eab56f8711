package jetstream

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
)

// TestNameTaken: a member of a cluster isn't started while one with its name answers at a route, whose data it doesn't have: it
// would vote in its place. Nor is one with a route to another cluster. What is no server is logged.
func TestNameTaken(t *testing.T) {
	waitForGreetings(t)
	nobody := "nats://127.0.0.1:1"
	first := start(t, ServerConfig{Name: "n1", Dir: t.TempDir(), Port: -1, Secret: testSecret, Cluster: "c", Election: testElection, ClusterPort: -1,
		Routes: []string{nobody}})
	member := func(name, cluster string, routes ...string) (string, error) {
		var log bytes.Buffer
		s, err := StartServer(limited(t), ServerConfig{Name: name, Dir: t.TempDir(), Port: -1, Secret: testSecret, Cluster: cluster, Election: testElection, ClusterPort: -1,
			Routes: routes},
			slog.New(slog.NewTextHandler(&log, nil)))
		if err == nil {
			s.Shutdown()
		}
		return log.String(), err
	}
	_, err := member("n1", "c", nobody, first.ClusterURL())
	if !errors.Is(err, ErrNameTaken) || !strings.Contains(err.Error(), `server "n1" of cluster "c" answers at `+strings.TrimPrefix(first.ClusterURL(), "nats://")) {
		t.Errorf("the same name: %v", err)
	}
	if log, err := member("n2", "c", nobody, first.ClusterURL()); err != nil || strings.Contains(log, "at a route") {
		t.Errorf("another name: %v\n%s", err, log)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var greeting sync.WaitGroup
	greeting.Go(func() {
		for c, err := ln.Accept(); err == nil; c, err = ln.Accept() {
			_, _ = io.WriteString(c, "SSH-2.0-x\r\n")
			_ = c.Close()
		}
	})
	if log, err := member("n3", "c", "nats://"+ln.Addr().String()); err != nil || !strings.Contains(log, "what answers at a route is no server of a cluster that knows this one's secret") {
		t.Errorf("another server at a route: %v\n%s", err, log)
	}
	_ = ln.Close()
	greeting.Wait()
	stranger := start(t, ServerConfig{Name: "n1", Dir: t.TempDir(), Port: -1, Secret: NewSecret(), Cluster: "c", Election: testElection, ClusterPort: -1,
		Routes: []string{nobody}})
	if log, err := member("n1", "c", stranger.ClusterURL()); err != nil || !strings.Contains(log, "what answers at a route") {
		t.Errorf("one with this name and another secret at a route: %v\n%s", err, log)
	}
	if _, err := member("n1", "other", first.ClusterURL()); err == nil || errors.Is(err, ErrNameTaken) ||
		!strings.Contains(err.Error(), first.ClusterURL()+` leads to server "n1" of cluster "c"; this one is of cluster "other"`) {
		t.Errorf("another cluster: %v", err)
	}
}

// waitForGreetings has those waited for that are slow to say who they are, as all are on a busy machine.
func waitForGreetings(t *testing.T) {
	before := greetBound
	greetBound = patience
	t.Cleanup(func() { greetBound = before })
}

// TestGreeting: what no server says is told, and who says nothing is not waited for.
func TestGreeting(t *testing.T) {
	ends, err := testSecret.tls()
	check(t, err)
	for _, test := range []struct{ says, want string }{
		{"", ""},
		{"HTTP/1.1 400 Bad Request\r\n", `it says "HTTP/1.1 400 Bad Request\r\n"`},
		{"INFO {\r\n", "unexpected end of JSON input"},
	} {
		if test.says != "" {
			waitForGreetings(t)
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c = tls.Server(c, ends)
			_, _ = io.WriteString(c, test.says)
			_, _ = io.Copy(io.Discard, c) // until the other has had enough
			_ = c.Close()
		}()
		g, err := greetingAt(t.Context(), ln.Addr().String(), ends)
		if g.Server != "" || test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%q: %+v, %v", test.says, g, err)
		}
		<-ended
		_ = ln.Close()
	}
}
