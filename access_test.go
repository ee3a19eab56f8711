package quadrille_test

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/quadrille-stream/quadrille"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
)

// TestStrangersStayOut: nobody gets a connection to an embedded engine who doesn't know its secret, and the error says so.
func TestStrangersStayOut(t *testing.T) {
	one := start(t, quadrille.Config{Dir: t.TempDir(), Port: -1})
	for want, cfg := range map[string]quadrille.Config{
		"embedded engines of other nodes need their secret": {},
		"if it refuses this node, its secret is another":    {Secret: jetstream.NewSecret()},
		"failed to verify certificate":                      {NATSUser: "logs", NATSPassword: "hunter2"},
	} {
		cfg.Name, cfg.NATS = "n2", one.EngineURL()
		g, err := quadrille.Start(within(t), silent(cfg))
		if err == nil {
			end(t, g)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	_, err := quadrille.Start(within(t), silent(quadrille.Config{Name: "n2", NATS: "nats://u:hunter2@127.0.0.1:1"}))
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "at nats://127.0.0.1:1: nats: no servers") {
		t.Errorf("the error tells %v", err)
	}
}

// TestMemberNeedsSecret: a member of a cluster can't be started without the secret of the others.
func TestMemberNeedsSecret(t *testing.T) {
	cfg := quadrille.Config{Name: "n1", Dir: t.TempDir(), ClusterPort: -1, Election: testElection, Routes: []string{"nats://127.0.0.1:1"}}
	if _, err := quadrille.Start(within(t), silent(cfg)); err == nil || !strings.Contains(err.Error(), "has no secret: give all members the same") {
		t.Error(err)
	}
}

// TestDataFolderIsClosed: nobody else looks into a data folder, with or without an engine in it.
func TestDataFolderIsClosed(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // which has no such modes
	}
	dir := t.TempDir()
	one := start(t, quadrille.Config{Dir: filepath.Join(dir, "one"), Port: -1})
	two := start(t, quadrille.Config{Dir: filepath.Join(dir, "two"), Name: "n2", NATS: one.EngineURL(), Secret: one.Server().Secret()})
	add(t, two, "s")
	for _, name := range []string{"one", "two"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		files, err := os.ReadDir(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if info, err := f.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s/%s: %v, %v", name, f.Name(), info.Mode(), err)
			}
		}
	}
}

// nkeys are the keys of users, which are made for tests: the seed and what a server knows of it.
var nkeys = map[string]struct{ seed, public string }{
	"logs": {"SUAA46NQQHRFV4B6HLQHK3IC6WNRX3QUMQ27AGCUMYCHQWVDK2KVIZEEMA",
		"UCOKVR5RJ6PTNORR3WACMLDUXFAK4NNMVANE7N2SCZL2QCYPHDMD47NK"},
	"events": {"SUAKYFMW5LOYDJWRFNIO5CTHVHFOOUEKYKLPHMISMA4TNIWEWWHVOTZSUI",
		"UDQ7D6JTO4M247Y3XZ3PLO2HPK5QBS36PFQJJGONUDXXCLEH2AX7HQGP"},
}

// nkey is a user with a key, whose seed is in a file.
func nkey(t *testing.T, name string) (user *server.NkeyUser, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(nkeys[name].seed+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &server.NkeyUser{Nkey: nkeys[name].public}, file
}

// TestLoginToOthers: on servers that others run each of both connections is who the configuration says.
func TestLoginToOthers(t *testing.T) {
	logs, logsFile := nkey(t, "logs")
	events, eventsFile := nkey(t, "events")
	ns, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true,
		Nkeys: []*server.NkeyUser{logs, events}, Users: []*server.User{{Username: "plant", Password: "hunter2"}}})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	if !ns.ReadyForConnections(patience) {
		t.Fatal("the server is not ready")
	}
	at := "nats://" + ns.Addr().(*net.TCPAddr).String()
	for name, test := range map[string]struct {
		cfg          quadrille.Config
		logs, events string
	}{
		"one key":  {quadrille.Config{NATSCreds: logsFile}, logs.Nkey, logs.Nkey},
		"two keys": {quadrille.Config{NATSCreds: logsFile, NATSEventsCreds: eventsFile}, logs.Nkey, events.Nkey},
		"password": {quadrille.Config{NATSUser: "plant", NATSPassword: "hunter2"}, "plant", "plant"},
	} {
		test.cfg.Name, test.cfg.NATS = "n1", at
		g := start(t, test.cfg)
		list, err := ns.Connz(&server.ConnzOptions{Username: true})
		if err != nil {
			t.Fatal(err)
		}
		users := map[string]string{}
		for _, c := range list.Conns {
			users[c.Name] = c.AuthorizedUser
		}
		if users["quadrille n1"] != test.logs || users["quadrille n1 events"] != test.events || len(users) != 2 {
			t.Errorf("%s: %v", name, users)
		}
		end(t, g)
	}
}
