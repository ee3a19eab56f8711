package nats_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/nats"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/peer"
)

// keys are the secrets of the peer.
const keys = "../../scripts/peers/nats-keys/"

// admits reports how a server takes a connection.
func admits(t *testing.T, c nats.Connection) error {
	t.Helper()
	r, err := source(t, nats.SourceConfig{Connection: c, Subjects: []string{"a"}}).Open(conntest.Within(t), &conntest.Progress{})
	if err != nil {
		return err
	}
	return r.Close()
}

// testUsers: whoever is known comes in, who isn't does not, and what isn't permitted is told.
func testUsers(t *testing.T, s *server) {
	servers := []string{"nats://" + s.Address(0)}
	for _, good := range []nats.Connection{
		{Servers: servers}, {Servers: servers, User: "user", Password: "secret"}, {Servers: servers, NKey: keys + "user.nk"},
		{Servers: []string{"127.0.0.1:1", s.Address(0)}},
	} {
		if err := admits(t, good); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	conntest.GivesUp(t, admits(t, nats.Connection{Servers: servers, User: "user", Password: "other"}), "Authorization Violation")
	conntest.GivesUp(t, admits(t, nats.Connection{Servers: servers, NKey: keys + "README"}), "NKey")
	conntest.GivesUp(t, admits(t, nats.Connection{Servers: servers, TLS: &tls.Config{MinVersion: tls.VersionTLS12}}), "secure connection not available (tls: false")
	conntest.GivesUp(t, admits(t, nats.Connection{Servers: servers, User: "weak", Password: "secret"}), "ermissions")
	stream := s.stream(t, nil)
	cfg := s.config(stream)
	cfg.User = "weak"
	_, err := source(t, cfg).Open(conntest.Within(t), &conntest.Progress{})
	conntest.GivesUp(t, err, "ermissions")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source(t, cfg).Open(ended, &conntest.Progress{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestTLS: a server is known by its certificate, and knows us by ours.
func TestTLS(t *testing.T) {
	p := peer.Start(t, "nats", 1, "tls")
	pem, err := os.ReadFile(filepath.Join(p.Dir, "tls/ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	pair, err := tls.LoadX509KeyPair(filepath.Join(p.Dir, "tls/client.pem"), filepath.Join(p.Dir, "tls/client.key"))
	if err != nil {
		t.Fatal(err)
	}
	with := func(roots *x509.CertPool, pairs ...tls.Certificate) nats.Connection {
		return nats.Connection{Servers: []string{p.Address(0)}, User: "user", Password: "secret",
			TLS: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: pairs}}
	}
	if err := admits(t, with(roots, pair)); err != nil {
		t.Error(err)
	}
	conntest.GivesUp(t, admits(t, with(nil, pair)), "certificate signed by unknown authority")
	if err := admits(t, with(roots)); err == nil { // the server hangs up, and its reason may get lost
		t.Error("who has no certificate is admitted")
	}
	plain := with(roots, pair)
	plain.TLS = nil
	conntest.GivesUp(t, admits(t, plain), "certificate signed by unknown authority") // it asks for TLS
}

// TestToken: a token is asked for.
func TestToken(t *testing.T) {
	p := peer.Start(t, "nats", 1, "token")
	if err := admits(t, nats.Connection{Servers: []string{p.Address(0)}, Token: "secret-token"}); err != nil {
		t.Error(err)
	}
	conntest.GivesUp(t, admits(t, nats.Connection{Servers: []string{p.Address(0)}, Token: "other"}), "Authorization Violation")
}

// TestCredentials: an operator's user has a file.
func TestCredentials(t *testing.T) {
	p := peer.Start(t, "nats", 1, "jwt")
	if err := admits(t, nats.Connection{Servers: []string{p.Address(0)}, Credentials: keys + "user.creds"}); err != nil {
		t.Error(err)
	}
	conntest.GivesUp(t, admits(t, nats.Connection{Servers: []string{p.Address(0)}}), "Authorization Violation")
	conntest.GivesUp(t, admits(t, nats.Connection{Servers: []string{p.Address(0)}, Credentials: keys + "nowhere"}), "no such file")
}

// TestConnection: what can't be is told before anything is connected.
func TestConnection(t *testing.T) {
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	local, far := []string{"127.0.0.1:4222", "nats://localhost"}, []string{"127.0.0.1:4222", "nats.example:4222"}
	for _, test := range []struct {
		c    nats.Connection
		want string
	}{
		{nats.Connection{Servers: local}, ""},
		{nats.Connection{Servers: far}, ""},
		{nats.Connection{Servers: far, TLS: secure, User: "u", Password: "p"}, ""},
		{nats.Connection{Servers: local, User: "u", Password: "p"}, ""},
		{nats.Connection{Servers: far, NKey: "file"}, ""},
		{nats.Connection{}, "no server"},
		{nats.Connection{Servers: []string{""}}, "HOST:PORT"},
		{nats.Connection{Servers: []string{"http://a:1"}}, "HOST:PORT"},
		{nats.Connection{Servers: []string{"nats://u:p@a:1"}}, "without user"},
		{nats.Connection{Servers: far, User: "u", Password: "p"}, "needs TLS"},
		{nats.Connection{Servers: far, Token: "t"}, "needs TLS"},
		{nats.Connection{Servers: local, User: "u"}, "belong together"},
		{nats.Connection{Servers: local, Token: "t", NKey: "n"}, "one of"},
	} {
		_, err := nats.NewSource(nats.SourceConfig{Connection: test.c, Subjects: []string{"a"}})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%+v: %v, want %q", test.c, err, test.want)
		}
	}
}

// TestSourceConfig: the same for the rest.
func TestSourceConfig(t *testing.T) {
	stream := nats.SourceConfig{Connection: nats.Connection{Servers: []string{"127.0.0.1"}}, Stream: "S", Consumer: "c"}
	core := nats.SourceConfig{Connection: stream.Connection, Subjects: []string{"a"}}
	for _, test := range []struct {
		base   nats.SourceConfig
		change func(*nats.SourceConfig)
		want   string
	}{
		{stream, func(*nats.SourceConfig) {}, ""},
		{stream, func(c *nats.SourceConfig) { c.Subjects = []string{"a.*.c", "b.>"} }, ""},
		{stream, func(c *nats.SourceConfig) { c.Start = "2026-01-02T15:04:05+01:00" }, ""},
		{stream, func(c *nats.SourceConfig) { c.Start = "17" }, ""},
		{stream, func(c *nats.SourceConfig) { c.Start = "0" }, "expected first, latest"},
		{stream, func(c *nats.SourceConfig) { c.Start = "soon" }, "expected first, latest"},
		{stream, func(c *nats.SourceConfig) { c.Stream = "a.b" }, "name of a stream"},
		{stream, func(c *nats.SourceConfig) { c.Consumer = "" }, "name of a stream"},
		{stream, func(c *nats.SourceConfig) { c.Queue = "q" }, "core NATS"},
		{stream, func(c *nats.SourceConfig) { c.Subjects = []string{"a..b"} }, "words with dots"},
		{stream, func(c *nats.SourceConfig) { c.Subjects = []string{"a.>.b"} }, "words with dots"},
		{stream, func(c *nats.SourceConfig) { c.Subjects = []string{"a*"} }, "words with dots"},
		{stream, func(c *nats.SourceConfig) { c.Subjects = []string{"a b"} }, "words with dots"},
		{stream, func(c *nats.SourceConfig) { c.Subjects = []string{"a.>", "a.b"} }, "is in"},
		{stream, func(c *nats.SourceConfig) { c.Subjects = []string{"a.*.b", "a.c.*", "a.c", "a.c.b"} }, "is in"},
		{stream, func(c *nats.SourceConfig) { c.Subjects = []string{"a", "a"} }, "is in"},
		{core, func(*nats.SourceConfig) {}, ""},
		{core, func(c *nats.SourceConfig) { c.Queue = "q" }, ""},
		{core, func(c *nats.SourceConfig) { c.Queue = "q *" }, "expected a word"},
		{core, func(c *nats.SourceConfig) { c.Subjects = nil }, "needs subjects"},
		{core, func(c *nats.SourceConfig) { c.Start = "latest" }, "no start"},
		{core, func(c *nats.SourceConfig) { c.Consumer = "c" }, "no consumer"},
		{core, func(c *nats.SourceConfig) { c.SkipGaps = true }, "no gaps"},
	} {
		cfg := test.base
		test.change(&cfg)
		_, err := nats.NewSource(cfg)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%+v: %v, want %q", cfg, err, test.want)
		}
	}
}

// TestDiscovered: a server that refuses us and names others doesn't have us show them the password.
func TestDiscovered(t *testing.T) {
	server := listening(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, `INFO {"server_id":"x","version":"2.12.0","max_payload":1000,"connect_urls":["192.0.2.1:4222"]}`+"\r\n")
		_, _ = bufio.NewReader(conn).ReadString('\n') // CONNECT
		_, _ = io.WriteString(conn, "-ERR 'Authorization Violation'\r\n")
	})
	c := nats.Connection{Servers: []string{server}, User: "user", Password: "secret"}
	c.DialBy(func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != server {
			t.Errorf("%s is connected to", address)
			return nil, net.ErrClosed
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	})
	cfg := nats.SourceConfig{Connection: c, Stream: "s", Consumer: "c"}
	_, err := source(t, cfg).Open(conntest.Within(t), &conntest.Progress{})
	conntest.GivesUp(t, err, "uthorization")
}

// listening is the address of a server whose connections are answered, one after the other, and then closed.
func listening(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			answer(conn)
			_ = conn.Close()
		}
	})
	return l.Addr().String()
}

// TestRefusedBeforeAnswer: what isn't permitted is told, also where the connection ends for it before the server has answered.
func TestRefusedBeforeAnswer(t *testing.T) {
	c := nats.Connection{Servers: []string{listening(t, refuse)}}
	conntest.GivesUp(t, admits(t, c), "ermissions")
	sink, err := nats.NewCoreSink(nats.SinkConfig{Connection: c, Subject: "out.{shard}", Name: "sink"})
	if err != nil {
		t.Fatal(err)
	}
	w, err := sink.Open(conntest.Within(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeWriter(t, w)
	conntest.GivesUp(t, w.Write(conntest.Within(t), []connector.Record{{Mark: engine.Mark{Position: 1}, Body: []byte("TX .\nTC .\n")}}), "ermissions")
}

// refuse takes a client in, permits nothing, and answers its second ping never.
func refuse(conn net.Conn) {
	_, _ = io.WriteString(conn, `INFO {"server_id":"x","version":"2.12.0","headers":true,"max_payload":1000}`+"\r\n")
	lines := bufio.NewScanner(conn)
	for pinged := false; lines.Scan(); {
		switch word, _, _ := strings.Cut(lines.Text(), " "); {
		case word == "PING" && !pinged:
			pinged = true
			_, _ = io.WriteString(conn, "PONG\r\n")
		case word == "SUB" || word == "PUB" || word == "HPUB":
			_, _ = io.WriteString(conn, "-ERR 'Permissions Violation for all'\r\n")
		}
	}
}
