//go:build unix

package faults

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

// process is one beside a cluster.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// run starts this binary with the arguments; it is killed at the end of the test.
func run(t *testing.T, guard *cluster.Guard, args ...string) *process {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.CreateTemp(guard.Dir(), args[0]+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := &process{cmd: exec.Command(executable, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = log, log, cluster.Environment()
	if err := guard.Start(p.cmd); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
		guard.Gone(p.cmd)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("log of %s:\n%s", args[0], text[max(0, len(text)-3000):])
		}
	})
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// TestEngineOfOthers: NATS servers that others run may take smaller messages than our own. Records are made to fit, and
// the node goes on when the server was killed and is back.
func TestEngineOfOthers(t *testing.T) {
	if raceEnabled {
		t.Skip("as the others")
	}
	guard, err := cluster.NewGuard("", "demo", "--sweep")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := guard.Close(); err != nil {
			t.Error(err)
		}
	})
	ports, err := ports.Free(2)
	if err != nil {
		t.Fatal(err)
	}
	server := []string{"nats-server", strconv.Itoa(ports[0]), strconv.Itoa(256 << 10), filepath.Join(guard.Dir(), "nats")}
	nats := run(t, guard, server...)
	listening(t, ports[0])
	at := fmt.Sprintf("127.0.0.1:%d", ports[1])
	creds := func(name string) string {
		path := filepath.Join(guard.Dir(), name)
		if err := os.WriteFile(path, []byte(nkeys[name].seed+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	run(t, guard, "serve", "--nats-creds", creds("logs"), "--nats-events-creds", creds("events"), "--name", "w1", "--http", at, "--nats", fmt.Sprintf("nats://127.0.0.1:%d", ports[0]), "--shards", "1",
		"--key", "dataset")
	e := external{T: t, http: client.New(""), door: "http://" + at}
	t.Cleanup(e.http.Close)
	e.accepted("tiny", `A <http://x.example/a> <http://x.example/p> "1" .`+"\n")
	big := ""
	for i := range 3000 {
		big += fmt.Sprintf("A <http://x.example/s%d> <http://x.example/p> \"%0100d\" .\n", i, i)
	}
	e.accepted("larger than a message", big)
	e.accepted("tiny again", `A <http://x.example/b> <http://x.example/p> "1" .`+"\n")
	nats.kill()
	run(t, guard, server...)
	e.accepted("after a restart of the server", `A <http://x.example/c> <http://x.example/p> "1" .`+"\n")
	s, err := e.http.Status(t.Context(), e.door)
	if err != nil || s.Shards[0].Quads != 3003 {
		t.Errorf("status %+v, %v; want 3003 quads", s, err)
	}
}

// nkeys are those of the users of the engine that others run.
var nkeys = map[string]struct{ seed, public string }{
	"logs": {"SUAA46NQQHRFV4B6HLQHK3IC6WNRX3QUMQ27AGCUMYCHQWVDK2KVIZEEMA",
		"UCOKVR5RJ6PTNORR3WACMLDUXFAK4NNMVANE7N2SCZL2QCYPHDMD47NK"},
	"events": {"SUAKYFMW5LOYDJWRFNIO5CTHVHFOOUEKYKLPHMISMA4TNIWEWWHVOTZSUI",
		"UDQ7D6JTO4M247Y3XZ3PLO2HPK5QBS36PFQJJGONUDXXCLEH2AX7HQGP"},
}

// documentedUsers are the users that docs/access.md tells who runs the engine to make, with their rights.
func documentedUsers() ([]*server.NkeyUser, error) {
	text, err := os.ReadFile("../../docs/access.md")
	if err != nil {
		return nil, err
	}
	rights := func(row string, column int) *server.SubjectPermission {
		_, after, _ := strings.Cut(string(text), "\n| "+row+" | ")
		cells := strings.Split(after, " | ")
		allow := strings.Fields(strings.ReplaceAll(strings.TrimSuffix(strings.Split(cells[column], "\n")[0], " |"), "`", ""))
		for i, subject := range allow {
			if strings.HasPrefix(subject, "_INBOX.") {
				allow[i] = "_INBOX.>"
			}
		}
		return &server.SubjectPermission{Allow: allow}
	}
	user := func(name string, column int) *server.NkeyUser {
		return &server.NkeyUser{Nkey: nkeys[name].public,
			Permissions: &server.Permissions{Publish: rights("publish", column), Subscribe: rights("subscribe", column)}}
	}
	return []*server.NkeyUser{user("logs", 0), user("events", 1)}, nil
}

// external is a node whose engine others run.
type external struct {
	*testing.T
	http *client.Client
	door string
}

// accepted sends a transaction until it is accepted.
func (e external) accepted(key, rows string) {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.Context(), recovery)
	defer cancel()
	session := client.NewSession(e.http, []string{e.door}, 0, patience)
	if _, err := session.Submit(ctx, client.TypePatch, key, []byte("TX .\n"+rows+"TC .\n")); err != nil {
		e.Fatalf("%s: %v", key, err)
	}
}

// listening waits until something listens at the port.
func listening(t *testing.T, port int) {
	t.Helper()
	ticker, deadline := time.NewTicker(poll), time.After(recovery)
	defer ticker.Stop()
	for {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("nobody listens at port %d: %v", port, err)
		}
	}
}
