package jetstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestStrangersStayOut: without the secret nobody connects, whatever else is known.
func TestStrangersStayOut(t *testing.T) {
	s := one(t)
	keyOnly := func(o *nats.Options) (err error) {
		o.Secure = true
		o.TLSConfig, err = s.Secret().tls()
		return err
	}
	for name, opts := range map[string][]nats.Option{
		"no login":               nil,
		"another secret":         {NewSecret().Login(Logs)},
		"any certificate":        {nats.Secure(&tls.Config{InsecureSkipVerify: true})},
		"the key alone":          {keyOnly},
		"the secret as password": {keyOnly, nats.UserInfo("logs", string(s.Secret()))},
		"another's password":     {keyOnly, nats.UserInfo("logs", s.Secret().password(Events))},
		"unknown login":          {keyOnly, nats.UserInfo("admin", s.Secret().password("admin"))},
	} {
		nc, err := nats.Connect(s.ClientURL(), opts...)
		if err == nil {
			nc.Close()
			t.Errorf("%s: connected", name)
		}
	}
	if c, err := nats.Connect("", nats.InProcessServer(s.ns)); err == nil {
		c.Close()
		t.Error("connected inside the process without a login")
	}
	for _, as := range []Login{Logs, Events} {
		nc, err := nats.Connect(s.ClientURL(), s.Secret().Login(as))
		if err != nil {
			t.Fatalf("%s: %v", as, err)
		}
		nc.Close()
	}
}

// denials are the permission errors of a connection.
type denials struct {
	nc  *nats.Conn
	got chan error
}

func connectAs(t *testing.T, s *Server, as Login) *denials {
	t.Helper()
	d := &denials{got: make(chan error, 64)}
	nc, err := nats.Connect(s.ClientURL(), s.Secret().Login(as),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { d.got <- err }))
	check(t, err)
	t.Cleanup(nc.Close)
	d.nc = nc
	return d
}

// denied fails unless what was done last was refused, with the subject.
func (d *denials) denied(t *testing.T, subject string) {
	t.Helper()
	check(t, d.nc.Flush())
	select {
	case err := <-d.got:
		if !strings.Contains(err.Error(), fmt.Sprintf("%q", subject)) {
			t.Errorf("%s: %v", subject, err)
		}
	case <-time.After(patience):
		t.Fatalf("%s is allowed", subject)
	}
}

// TestLeastRights: who carries events reaches no log, no stream and nothing by which a cluster is managed, and who keeps logs
// can't do what nothing of ours does.
func TestLeastRights(t *testing.T) {
	ctx := limited(t)
	s, cfg := one(t), fresh(1, 1)
	e := open(t, s, cfg)
	w := write(ctx, t, e)
	log, bucket := streamName(cfg, "0"), blobStream(cfg).Name
	of := func(tokens ...string) string { return subjectOf(cfg.Pipeline, tokens...) }
	managed := []string{
		"$JS.API.STREAM.DELETE." + log, "$JS.API.STREAM.MSG.DELETE." + log, "$JS.API.STREAM.SNAPSHOT." + log,
		"$JS.API.STREAM.RESTORE." + log, "$JS.API.STREAM.PEER.REMOVE." + log, "$JS.API.META.LEADER.STEPDOWN", "$JS.API.SERVER.REMOVE",
		"$JS.API.ACCOUNT.PURGE.$G", "$JS.API.ACCOUNT.STREAM.MOVE.$G." + log, "$JS.API.CONSUMER.CREATE." + log,
		"$JS.API.STREAM.DELETE." + bucket,
		"$SYS.REQ.SERVER.PING", "anything",
	}
	ofLogs := []string{
		of("0", "log", "0"), of("control", "log", "0"), of("0", "trim", "0"), of("0", "barrier"), of("0", "feed", "0"), of("beat"),
		"$O." + bucketName(cfg) + ".M.x", "$O." + bucketName(cfg) + ".C.x", "_INBOX.logs.x",
		"$JS.API.STREAM.PURGE." + log, "$JS.API.STREAM.UPDATE." + log, "$JS.API.STREAM.CREATE." + log, "$JS.API.STREAM.INFO." + log,
		"$JS.API.STREAM.LEADER.STEPDOWN." + log, "$JS.API.STREAM.MSG.GET." + log, "$JS.API.DIRECT.GET." + log,
	}
	events, logs := connectAs(t, s, Events), connectAs(t, s, Logs)
	for _, subject := range append(managed, ofLogs...) {
		for _, header := range []nats.Header{nil, {headerRollup: {"sub"}}, {headerRollup: {"all"}}} {
			check(t, events.nc.PublishMsg(&nats.Msg{Subject: subject, Header: header, Data: []byte("{}")}))
			events.denied(t, subject)
		}
	}
	for _, subject := range append(managed, "quadrille.p.node.n.in", "quadrille.p.node.n.ask", "_INBOX.events.x") {
		check(t, logs.nc.Publish(subject, []byte("{}")))
		logs.denied(t, subject)
	}
	for d, subjects := range map[*denials][]string{
		events: {">", "_INBOX.>", "_INBOX.logs.>", of("0", "feed", "0"), of("beat"), "$JS.EVENT.>"},
		logs:   {">", "_INBOX.>", "_INBOX.events.>", "quadrille.p.node.n.in", "quadrille.p.node.n.ask", "$SYS.>"},
	} {
		for _, subject := range subjects {
			_, err := d.nc.SubscribeSync(subject)
			check(t, err)
			d.denied(t, subject)
		}
	}
	w.check(ctx, t, e)
}

// TestDocumentedRights: who gives a NATS cluster's user what the documentation says gives it what is needed, and no more.
func TestDocumentedRights(t *testing.T) {
	text, err := os.ReadFile("../../docs/access.md")
	check(t, err)
	row := func(name string, of func(rights) []string) {
		list := func(l Login) string { return "`" + strings.Join(of(rightsOf[l]), "` `") + "`" }
		if want := fmt.Sprintf("| %s | %s | %s |\n", name, list(Logs), list(Events)); !strings.Contains(string(text), want) {
			t.Errorf("docs/access.md lacks the row\n%s", want)
		}
	}
	row("publish", func(r rights) []string { return r.publish })
	row("subscribe", func(r rights) []string { return r.listen })
}

// lines are what a server logs.
type lines struct {
	slog.Handler
	mu   *sync.Mutex
	list *[]string
}

func newLines() lines { return lines{slog.DiscardHandler, new(sync.Mutex), new([]string)} }

func (l lines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (l lines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	*l.list = append(*l.list, r.Level.String()+" "+r.Message)
	return nil
}

func (l lines) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range *l.list {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// TestRoutesNeedTheSecret: a server with another secret gets no route, and both say why, once; neither does who knows none.
func TestRoutesNeedTheSecret(t *testing.T) {
	configs, err := clusterConfigs(t.TempDir(), "r")
	check(t, err)
	configs[1].Secret = NewSecret()
	var servers []*Server
	var logs []lines
	for _, cfg := range configs {
		log := newLines()
		s, err := StartServer(limited(t), cfg, slog.New(log))
		check(t, err)
		defer s.Shutdown()
		servers, logs = append(servers, s), append(logs, log)
	}
	eventually := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(patience); !is(); time.Sleep(readyPoll) {
			if time.Now().After(end) {
				t.Fatal(what)
			}
		}
	}
	eventually("the two with one secret have no route", func() bool {
		return servers[0].ns.NumRoutes() > 0 && servers[2].ns.NumRoutes() > 0
	})
	const differ = "ERROR this server and another of the cluster refuse each other, since their secrets differ"
	eventually("nobody says why", func() bool { return logs[0].count(differ) > 0 && logs[1].count(differ) > 0 })
	if n := servers[1].ns.NumRoutes(); n != 0 {
		t.Errorf("the one with another secret has %d routes", n)
	}
	conn, err := tls.Dial("tcp", configs[0].Routes[0][len("nats://"):], &tls.Config{InsecureSkipVerify: true})
	if err == nil { // who shows no certificate hears of it when it reads
		_, err = io.ReadAll(conn)
		_ = conn.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "tls: ") {
		t.Errorf("a stranger at the port for routes: %v", err)
	}
	if logs[0].count("will not be verified")+logs[0].count("Plaintext passwords") > 0 {
		t.Errorf("the server warns: %q", *logs[0].list)
	}
}

// TestSecretFile: a server that listens makes a secret at its first start, keeps it, and takes none that others can read.
func TestSecretFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	cfg := ServerConfig{Name: "s", Dir: dir, Port: -1}
	s := start(t, cfg)
	made := s.Secret()
	check(t, made.Check())
	s.Shutdown()
	path := filepath.Join(dir, SecretFile)
	mode := func(path string, want os.FileMode) {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	mode(dir, 0o700)
	mode(path, 0o600)
	check(t, os.Chmod(dir, 0o755)) // as an earlier version made it
	s = start(t, cfg)
	mode(dir, 0o700)
	if s.Secret() != made {
		t.Error("another secret after a restart")
	}
	s.Shutdown()
	refused := func(want string) {
		t.Helper()
		if s, err := StartServer(limited(t), cfg, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
			if err == nil {
				s.Shutdown()
			}
		}
	}
	if runtime.GOOS != "windows" {
		check(t, os.Chmod(path, 0o640))
		refused("can be read by others (mode 0640)")
		check(t, os.Chmod(path, 0o600))
	}
	check(t, os.WriteFile(path, []byte("short\n"), 0o600))
	refused("has 5 characters, expected 32 or more")
	check(t, os.Remove(path))
	s = start(t, cfg)
	if s.Secret() == made {
		t.Error("a new file has the old secret")
	}
	if text := fmt.Sprint(s.Secret()); text != "(secret)" {
		t.Errorf("it is shown as %q", text)
	}
	alone := start(t, alone(t.TempDir()))
	if _, err := os.Stat(filepath.Join(alone.room.cfg.Dir, SecretFile)); err == nil || alone.ClientURL() != "" {
		t.Errorf("who listens for nobody has a secret for others, and the address %q", alone.ClientURL())
	}
}

// TestForeignFolder: a folder with other things in it stays open to whom it was.
func TestForeignFolder(t *testing.T) {
	dir := t.TempDir()
	check(t, os.Chmod(dir, 0o755))
	check(t, os.WriteFile(filepath.Join(dir, "theirs"), nil, 0o600))
	check(t, makeDir(dir))
	if info, err := os.Stat(dir); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestMemberNeedsSecret: a member of a cluster makes no secret of its own, since the others would not know it.
func TestMemberNeedsSecret(t *testing.T) {
	configs, err := clusterConfigs(t.TempDir(), "m")
	check(t, err)
	cfg := configs[0]
	cfg.Secret = ""
	_, err = StartServer(limited(t), cfg, nil)
	if err == nil || !strings.Contains(err.Error(), `member "m0" of cluster "m" has no secret: give all members the same one`) {
		t.Fatal(err)
	}
	check(t, os.MkdirAll(cfg.Dir, 0o700))
	check(t, os.WriteFile(filepath.Join(cfg.Dir, SecretFile), []byte(testSecret+"\n"), 0o600))
	if s := start(t, cfg); s.Secret() != testSecret {
		t.Error("it is not that of the file")
	}
}

// TestPortIsLookedAt: who connects to the port for routes and says nothing, as [succession] does, is no error.
func TestPortIsLookedAt(t *testing.T) {
	log := newLines()
	configs, err := clusterConfigs(t.TempDir(), "p")
	check(t, err)
	s, err := StartServer(limited(t), configs[0], slog.New(log))
	check(t, err)
	conn, err := net.Dial("tcp", s.ClusterURL()[len("nats://"):])
	check(t, err)
	check(t, conn.(*net.TCPConn).CloseWrite())
	_, _ = io.Copy(io.Discard, conn) // until the server has ended it
	check(t, conn.Close())
	s.Shutdown()
	if n := log.count("ERROR"); n > 0 {
		t.Errorf("%q", *log.list)
	}
}
