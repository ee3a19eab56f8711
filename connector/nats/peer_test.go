package nats_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/nats"
	"github.com/quadrille-stream/quadrille/internal/peer"
)

// shortPull is how long a server waits for messages in tests that wait for it to have none.
const shortPull = 200 * time.Millisecond

// server is a real one, with a client of it.
type server struct {
	*peer.Peer
	*natsgo.Conn
	js jetstream.JetStream
}

// startServer starts one, and ends it with the test.
func startServer(t testing.TB) *server {
	t.Helper()
	s := &server{Peer: peer.Start(t, "nats", 1)}
	var err error
	s.Conn, err = natsgo.Connect("nats://user:secret@"+s.Address(0), natsgo.MaxReconnects(-1), natsgo.ReconnectWait(50*time.Millisecond))
	if err == nil {
		s.js, err = jetstream.New(s.Conn)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if _, err := s.js.AccountInfo(conntest.Within(t)); err != nil { // so that the client has what it keeps
		t.Fatal(err)
	}
	return s
}

// back waits until the client has reached a server that was started again. That it is connected doesn't say that: it may not have
// noticed yet that the one before has gone.
func (s *server) back(t testing.TB) {
	t.Helper()
	answered(t, "the client is back", func(ctx context.Context) error {
		_, err := s.js.AccountInfo(ctx)
		return err
	})
}

// answered asks until there is an answer. What is asked while servers or leaders change may never have one.
func answered(t testing.TB, what string, ask func(context.Context) error) {
	t.Helper()
	conntest.Eventually(t, what, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err := ask(ctx)
		if err != nil {
			t.Logf("%s: %v", what, err)
		}
		return err == nil
	})
}

// names makes each stream and consumer one of its own.
var names atomic.Int64

func unique(what string) string { return fmt.Sprintf("%s-%d", what, names.Add(1)) }

// stream makes a stream of its own, of subjects that begin with its name.
func (s *server) stream(t testing.TB, change func(*jetstream.StreamConfig)) jetstream.Stream {
	t.Helper()
	name := unique("stream")
	cfg := jetstream.StreamConfig{Name: name, Subjects: []string{name + ".>"}}
	if change != nil {
		change(&cfg)
	}
	made, err := s.js.CreateStream(conntest.Within(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// nameOf is the name of a stream.
func nameOf(stream jetstream.Stream) string { return stream.CachedInfo().Config.Name }

// send sends texts to a subject of a stream.
func (s *server) send(t testing.TB, subject string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if _, err := s.js.Publish(conntest.Within(t), subject, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
}

// connection is one to this server.
func (s *server) connection() nats.Connection {
	return nats.Connection{Servers: []string{s.Address(0)}, User: "user", Password: "secret"}
}

// config is that of a source with a consumer of its own.
func (s *server) config(stream jetstream.Stream) nats.SourceConfig {
	cfg := nats.SourceConfig{Connection: s.connection(), Stream: nameOf(stream), Consumer: unique("consumer")}
	cfg.PullFor(shortPull)
	return cfg
}

func source(t testing.TB, cfg nats.SourceConfig) connector.Source {
	t.Helper()
	s, err := nats.NewSource(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reading is a reader of a test.
type reading struct{ *conntest.Reading }

func read(t testing.TB, cfg nats.SourceConfig, progress connector.Progress) *reading {
	t.Helper()
	return &reading{conntest.Read(t, source(t, cfg), progress)}
}

// commit acknowledges messages, as the pipeline does when they are committed.
func (r *reading) commit(progress *conntest.Progress, messages []connector.Message) {
	r.Helper()
	for _, m := range messages {
		progress.Commit(m)
	}
	if err := r.Ack(conntest.Within(r.TB), messages); err != nil {
		r.Fatal(err)
	}
}

// sender is a [conntest.Peer].
type sender struct {
	s    *server
	cfg  nats.SourceConfig
	sent int
}

func (s *sender) Source(t *testing.T) connector.Source { return source(t, s.cfg) }

func (s *sender) Send(t *testing.T, n int) (bodies []string) {
	for range n {
		s.sent++
		body := fmt.Sprintf("TX .\nA <urn:s> <urn:p> \"%d\" .\nTC .\n", s.sent)
		bodies = append(bodies, body)
		s.s.send(t, s.cfg.Stream+".a", body)
	}
	return bodies
}

// TestNATS is all that needs the real thing, with one server.
func TestNATS(t *testing.T) {
	s := startServer(t)
	for _, retention := range []jetstream.RetentionPolicy{jetstream.LimitsPolicy, jetstream.WorkQueuePolicy} {
		t.Run("source, "+retention.String(), func(t *testing.T) {
			conntest.TestSource(t, func(t *testing.T) conntest.Peer {
				stream := s.stream(t, func(c *jetstream.StreamConfig) { c.Retention = retention })
				return &sender{s: s, cfg: s.config(stream)}
			})
		})
	}
	for name, change := range map[string]func(*nats.SinkConfig){
		"text": func(*nats.SinkConfig) {}, "binary": func(c *nats.SinkConfig) { c.Binary = true },
		"subjects": func(c *nats.SinkConfig) { c.PerSubject, c.Subject = true, c.Subject+".{subject}" },
	} {
		t.Run("sink, "+name, func(t *testing.T) {
			conntest.TestSink(t, func(t *testing.T) conntest.Target {
				to := s.target(t, nil)
				change(&to.cfg)
				return to
			})
		})
	}
	t.Run("sink, core", func(t *testing.T) {
		conntest.TestSink(t, func(t *testing.T) conntest.Target { return s.listener(t) })
	})
	t.Run("together", func(t *testing.T) { // most of them wait
		for name, test := range map[string]func(*testing.T, *server){
			"starts": testStarts, "latest": testLatest, "gap": testGap, "no gap": testNoGap, "quiet": testQuiet, "sought": testSought, "extent": testExtent,
			"extent while read": testExtentWhileRead,
			"made anew":         testMadeAnew, "purged": testPurged, "stolen": testStolen, "short reads": testShortReads, "foreign note": testForeignNote, "behind": testBehind,
			"stuck": testStuck, "interest": testInterest, "limited": testLimited, "acks": testAcks, "kinds": testKinds, "filters": testFilters, "large": testLargeMessage,
			"work queue": testWorkQueue, "taken over": testTakenOver, "torn connections": testTorn, "core": testCore, "queue": testQueue,
			"slow": testSlow, "users": testUsers, "subjects": testSubjects, "headers": testHeaders, "part": testPart,
			"answers lost": testAnswersLost, "torn connections, out": testTornOut, "late": testLate, "refused": testRefused,
			"bounded": testBounded, "other stream": testOtherStream, "forgotten": testForgotten, "two sinks": testTwoSinks,
			"core, out": testCoreOut,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, s)
			})
		}
	})
	t.Run("killed", func(t *testing.T) { testKilled(t, s) })
	t.Run("killed, out", func(t *testing.T) { testKilledOut(t, s) })
	t.Run("core, killed", func(t *testing.T) { testCoreKilled(t, s) })
}
