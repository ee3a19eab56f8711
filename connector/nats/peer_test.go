package nats_test

import (
	"context"
	"fmt"
	"strings"
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

// patience bounds what the server has to do.
const patience = 60 * time.Second

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
	if _, err := s.js.AccountInfo(within(t)); err != nil { // so that the client has what it keeps
		t.Fatal(err)
	}
	return s
}

// within bounds what is asked of the server.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
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
	made, err := s.js.CreateStream(within(t), cfg)
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
		if _, err := s.js.Publish(within(t), subject, []byte(text)); err != nil {
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

// reading is a reader with what it has read.
type reading struct {
	testing.TB
	connector.Reader
	got []connector.Message
}

// read opens a reader.
func read(t testing.TB, cfg nats.SourceConfig, progress connector.Progress) *reading {
	t.Helper()
	r, err := source(t, cfg).Open(within(t), progress)
	if err != nil {
		t.Fatal(err)
	}
	return &reading{TB: t, Reader: r}
}

// next reads so many messages.
func (r *reading) next(n int) []connector.Message {
	r.Helper()
	for ctx := within(r.TB); len(r.got) < n; {
		messages, err := r.Read(ctx)
		if err != nil {
			r.Fatalf("after %d of %d messages: %v", len(r.got), n, err)
		}
		r.got = append(r.got, messages...)
	}
	next := r.got[:n]
	r.got = r.got[n:]
	return next
}

// is compares the next messages with texts; that of a message with a reason is LOST.
func (r *reading) is(want ...string) []connector.Message {
	r.Helper()
	got := r.next(len(want))
	if texts := textsOf(got); strings.Join(texts, " ") != strings.Join(want, " ") {
		r.Fatalf("read %q, want %q", texts, want)
	}
	return got
}

func textsOf(messages []connector.Message) (texts []string) {
	for _, m := range messages {
		if m.Reason != "" {
			texts = append(texts, "LOST")
		} else {
			texts = append(texts, string(m.Body))
		}
	}
	return texts
}

// commit acknowledges messages, as the pipeline does when they are committed.
func (r *reading) commit(progress *conntest.Progress, messages []connector.Message) {
	r.Helper()
	for _, m := range messages {
		progress.Commit(m)
	}
	if err := r.Ack(within(r.TB), messages); err != nil {
		r.Fatal(err)
	}
}

// fails waits for an error.
func (r *reading) fails() error {
	r.Helper()
	for ctx := within(r.TB); ; {
		_, err := r.Read(ctx)
		if ctx.Err() != nil {
			r.Fatal("the reader doesn't fail")
		}
		if err != nil {
			return err
		}
	}
}

func (r *reading) close() {
	r.Helper()
	if err := r.Close(); err != nil {
		r.Fatal(err)
	}
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v not: %s", patience, what)
		}
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
			"made anew": testMadeAnew, "purged": testPurged, "stolen": testStolen, "short reads": testShortReads, "foreign note": testForeignNote, "behind": testBehind,
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
