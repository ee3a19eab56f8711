package verify

import (
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/engine/jetstream/filestore"
)

// snapshotStore is an engine with blobs whose contents can be taken away.
type snapshotStore struct {
	*testing.T
	dir    string
	nc     *nats.Conn
	engine engine.Engine
}

func newSnapshotStore(t *testing.T) *snapshotStore {
	s := &snapshotStore{T: t, dir: t.TempDir()}
	server, err := jetstream.StartServer(t.Context(), jetstream.ServerConfig{Name: "n1", Dir: s.dir, NoListen: true}, nil)
	s.must(err)
	t.Cleanup(server.Shutdown)
	s.nc, err = server.Connect()
	s.must(err)
	t.Cleanup(s.nc.Close)
	s.engine, err = jetstream.Open(t.Context(), s.nc, jetstream.Config{Pipeline: "p", Shards: 2})
	s.must(err)
	return s
}

func (s *snapshotStore) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *snapshotStore) put(name string) {
	s.Helper()
	s.must(s.engine.Blobs().Put(s.Context(), name, strings.NewReader(name)))
}

// empty takes the content of the oldest blob away that has any.
func (s *snapshotStore) empty() {
	s.Helper()
	js, err := natsjs.New(s.nc)
	s.must(err)
	stream, err := js.Stream(s.Context(), "OBJ_quadrille_p")
	s.must(err)
	chunk, err := stream.GetMsg(s.Context(), 1, natsjs.WithGetMsgSubject("$O.quadrille_p.C.>"))
	s.must(err)
	s.must(stream.Purge(s.Context(), natsjs.WithPurgeSubject(chunk.Subject)))
}

// look returns the names of snapshots that are found, those that are damaged, and those that are only the remains of deleted ones.
func (s *snapshotStore) look() (found, damaged, remains []string) {
	s.Helper()
	folder := jetstream.RunningFolder(s.dir)
	list, err := folder.Streams()
	s.must(err)
	i := slices.IndexFunc(list, func(f *filestore.Stream) bool { return f.Name() == "OBJ_quadrille_p" })
	l, err := newFolderCheck(folder).look(s.Context(), list[i])
	s.must(err)
	for _, b := range l.blobs {
		if b.Err == nil {
			found = append(found, b.Name)
		}
	}
	return found, texts(l.damages), texts(l.remains)
}

func texts(list []filestore.Damage) (texts []string) {
	for _, d := range list {
		texts = append(texts, string(d.Kind)+" "+d.What)
	}
	return texts
}

// TestUndeleted: a server that was killed may have the description of a snapshot again that was deleted, and no content. That is no
// damage where as many newer ones as are kept are whole, and damage where it is one of those that are kept.
func TestUndeleted(t *testing.T) {
	const old, before, newest = "shard/00001/00000000000000000003", "shard/00001/00000000000000000005", "shard/00001/00000000000000000007"
	s := newSnapshotStore(t)
	for _, name := range []string{old, before, newest} {
		s.put(name)
	}
	s.put("shard/00000/00000000000000000009")
	s.empty()
	found, damaged, remains := s.look()
	if len(found) != 3 || slices.Contains(found, old) || len(damaged) != 0 || len(remains) != 1 ||
		!strings.HasPrefix(remains[0], "undeleted snapshot "+old) {
		t.Errorf("the oldest is empty: found %q, damaged %q, remains %q", found, damaged, remains)
	}
	s.verifies("the oldest is empty", "")

	s.empty() // the next one
	_, damaged, remains = s.look()
	if len(damaged) != 2 || len(remains) != 0 {
		t.Errorf("one that is kept is empty, too: damaged %q, remains %q", damaged, remains)
	}
	s.verifies("one that is kept is empty, too", before)
}

// verifies checks what is found through the engine: nothing, or damage of the snapshot with that name.
func (s *snapshotStore) verifies(when, damaged string) {
	s.Helper()
	r := &client.Report{}
	s.must((&EngineVerifier{Node: Node{Engine: s.engine}}).snapshots(s.Context(), r))
	of := func(d client.DamageReport) bool { return strings.Contains(d.What, damaged) }
	if damaged == "" && len(r.Damages) > 0 || damaged != "" && !slices.ContainsFunc(r.Damages, of) {
		s.Errorf("%s: through the engine: %+v; want %q", when, r.Damages, damaged)
	}
}
