package storetest

import (
	"fmt"
	"maps"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// model drives a store and a map with the same operations.
type model struct {
	s         store.Store
	tx        store.Tx
	position  uint64
	committed set
	pending   set // as the open transaction sees it
	saved     []saved
	views     []pinned
}

// saved is a savepoint of the open transaction.
type saved struct {
	at      store.Savepoint
	pending set
}

type pinned struct {
	view     store.View
	position uint64
	want     set
}

func testModel(t *testing.T, open func() store.Store) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{s: open(), committed: set{}}
		defer m.end(t)
		t.Repeat(map[string]func(*rapid.T){
			"":          m.check,
			"add":       func(t *rapid.T) { m.add(t, quads.Draw(t, "quad")) },
			"delete":    func(t *rapid.T) { m.delete(t, quads.Draw(t, "quad")) },
			"addIDs":    func(t *rapid.T) { m.addBy(t, quads.Draw(t, "quad"), addIDs) },
			"deleteIDs": func(t *rapid.T) { m.deleteBy(t, quads.Draw(t, "quad"), removeIDs) },
			"many":      m.many,
			"clear":     m.clear,
			"commit":    m.commit,
			"rollback":  m.rollback,
			"save":      m.save,
			"back":      m.back,
			"match":     m.match,
			"view":      m.view,
			"again":     m.again,
			"close":     m.close,
		})
	})
}

// quads are of few terms, so that many operations concern what is there.
var quads = rapid.Custom(func(t *rapid.T) rdf.Quad {
	subject := rapid.SampledFrom([]string{"s", "t", "_:s", "<<( _:a <x:p> _:b )>>"})
	object := rapid.SampledFrom([]string{"s", "t", "g", `"s"`, `"t"@en`, "_:s",
		`"1"^^<http://www.w3.org/2001/XMLSchema#integer>`, `"1.50"^^<http://www.w3.org/2001/XMLSchema#decimal>`})
	graph := rapid.SampledFrom([]string{"", "g", "s", "_:g"})
	predicate := rapid.SampledFrom([]string{"p", "s"})
	return q(subject.Draw(t, "s"), predicate.Draw(t, "p"), object.Draw(t, "o"), graph.Draw(t, "g"))
})

// begin opens a transaction unless one is open.
func (m *model) begin() {
	if m.tx == nil {
		m.tx = m.s.Begin()
		m.pending = maps.Clone(m.committed)
		m.saved = nil
	}
}

func (m *model) save(*rapid.T) {
	m.begin()
	m.saved = append(m.saved, saved{m.tx.Savepoint(), maps.Clone(m.pending)})
}

// back goes to a savepoint; those after it are gone.
func (m *model) back(t *rapid.T) {
	if m.tx == nil || len(m.saved) == 0 {
		t.Skip("there is no savepoint")
	}
	i := rapid.IntRange(0, len(m.saved)-1).Draw(t, "savepoint")
	succeed(m.tx.RollbackTo(m.saved[i].at))
	m.pending, m.saved = maps.Clone(m.saved[i].pending), m.saved[:i+1]
}

func (m *model) add(t *rapid.T, quad rdf.Quad) { m.addBy(t, quad, add) }

func (m *model) addBy(t *rapid.T, quad rdf.Quad, add func(store.Tx, rdf.Quad) bool) {
	m.begin()
	_, there := m.pending[quad]
	if add(m.tx, quad) == there {
		t.Fatalf("add %s: change %v", quad, there)
	}
	m.pending[quad] = struct{}{}
}

func (m *model) delete(t *rapid.T, quad rdf.Quad) { m.deleteBy(t, quad, remove) }

func (m *model) deleteBy(t *rapid.T, quad rdf.Quad, remove func(store.Tx, rdf.Quad) bool) {
	m.begin()
	_, there := m.pending[quad]
	if remove(m.tx, quad) != there {
		t.Fatalf("delete %s: change %v", quad, !there)
	}
	delete(m.pending, quad)
}

// numbered is a quad with a term of its own.
func numbered(i int) rdf.Quad { return q("s", "p", fmt.Sprintf(`"%0100d"`, i), "g") }

// many adds or deletes a run of quads, each of which has a term of its own.
func (m *model) many(t *rapid.T) {
	from, n := rapid.IntRange(0, 1500).Draw(t, "from"), rapid.IntRange(1, 600).Draw(t, "n")
	do := m.add
	if rapid.Bool().Draw(t, "delete") {
		do = m.delete
	}
	for i := range n {
		do(t, numbered(from+i))
	}
}

// clear deletes all.
func (m *model) clear(t *rapid.T) {
	m.begin()
	for quad := range maps.Clone(m.pending) {
		m.delete(t, quad)
	}
}

func (m *model) commit(t *rapid.T) {
	m.begin()
	m.position += rapid.Uint64Range(0, 3).Draw(t, "step")
	succeed(m.tx.Commit(m.position, nil))
	m.committed, m.tx = m.pending, nil
}

func (m *model) rollback(*rapid.T) {
	m.begin()
	m.tx.Rollback()
	m.tx = nil
}

func (m *model) view(*rapid.T) {
	m.views = append(m.views, pinned{m.s.View(), m.position, maps.Clone(m.committed)})
}

func (m *model) again(t *rapid.T) {
	if len(m.views) == 0 {
		t.Skip("no view is open")
	}
	of := m.views[rapid.IntRange(0, len(m.views)-1).Draw(t, "view")]
	of.view = of.view.Again()
	m.views = append(m.views, of)
}

func (m *model) close(t *rapid.T) {
	if len(m.views) == 0 {
		t.Skip("no view is open")
	}
	i := rapid.IntRange(0, len(m.views)-1).Draw(t, "view")
	checkView(t, m.views[i].view, m.views[i].position, m.views[i].want)
	m.views[i].view.Close()
	m.views = append(m.views[:i], m.views[i+1:]...)
}

func (m *model) check(t *rapid.T) {
	if m.s.Len() != len(m.committed) || m.s.Position() != m.position {
		t.Fatalf("%d quads at %d, expected %d at %d", m.s.Len(), m.s.Position(), len(m.committed), m.position)
	}
}

func (m *model) end(t *rapid.T) {
	for _, v := range m.views {
		checkView(t, v.view, v.position, v.want)
	}
	check(t, m.s, m.position, m.committed)
	for _, v := range m.views {
		v.view.Close()
	}
	if m.tx != nil {
		m.rollback(t)
	}
	check(t, m.s, m.position, m.committed)
}

// In the tests below each of some sensors has one value. The commit at position p replaces the values of those sensors
// whose number is p modulo groups, by p.
const (
	sensors = 60
	groups  = 4
)

// valueAt is the value of a sensor at a position.
func valueAt(sensor int, position uint64) uint64 {
	back := (position + groups - uint64(sensor%groups)) % groups
	if back >= position {
		return 0
	}
	return position - back
}

func reading(sensor int, value uint64) rdf.Quad {
	literal := `"` + strconv.FormatUint(value, 10) + `"`
	return q("sensor/"+strconv.Itoa(sensor), "value", literal, "line/"+strconv.Itoa(sensor%7))
}

func readings(position uint64) set {
	want := set{}
	for sensor := range sensors {
		want[reading(sensor, valueAt(sensor, position))] = struct{}{}
	}
	return want
}

// replaceValues goes from the position before to this one.
func replaceValues(t failer, s store.Store, position uint64) {
	tx := s.Begin()
	for sensor := range sensors {
		if uint64(sensor%groups) != position%groups {
			continue
		}
		if !remove(tx, reading(sensor, valueAt(sensor, position-1))) || !add(tx, reading(sensor, position)) {
			t.Fatalf("position %d: no change", position)
		}
		if position%5 == 0 && sensor > sensors/2 {
			tx.Rollback()
			replaceAgain(t, s, position)
			return
		}
	}
	succeed(tx.Commit(position, nil))
}

// replaceAgain does the same, all of it, after a rollback.
func replaceAgain(t failer, s store.Store, position uint64) {
	tx := s.Begin()
	for sensor := range sensors {
		if uint64(sensor%groups) == position%groups {
			if !add(tx, reading(sensor, position)) || !remove(tx, reading(sensor, valueAt(sensor, position-1))) {
				t.Fatalf("position %d, after a rollback: no change", position)
			}
		}
	}
	succeed(tx.Commit(position, nil))
}

// begun gives each sensor its first value. The position stays.
func begun(s store.Store) {
	tx := s.Begin()
	for quad := range readings(0) {
		add(tx, quad)
	}
	succeed(tx.Commit(0, nil))
}

func testReplaceValues(t *testing.T, s store.Store) {
	begun(s)
	for position := uint64(1); position <= 500; position++ {
		replaceValues(t, s, position)
		if position%50 == 0 {
			check(t, s, position, readings(position))
		}
	}
}

// testConcurrent has readers check, and check again, that a view is what its position says, while the writer goes on.
func testConcurrent(t *testing.T, s store.Store) {
	const commits, readers, views = 400, 3, 40
	begun(s)
	done := make(chan struct{})
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			for seen, last := 0, false; !last || seen < views; seen++ {
				select {
				case <-done:
					last = true
				default:
				}
				v := s.View()
				want := readings(v.Position())
				for range 3 {
					checkViewIn(t, v, want)
				}
				v.Close()
			}
		})
	}
	for position := uint64(1); position <= commits; position++ {
		replaceValues(t, s, position)
	}
	close(done)
	all.Wait()
	check(t, s, commits, readings(commits))
}

// checkViewIn is checkView for goroutines that are not the test's.
func checkViewIn(t *testing.T, v store.View, want set) {
	n := 0
	for quad, err := range store.Quads(v, store.Pattern{}) {
		if _, there := want[quad]; !there || err != nil {
			t.Errorf("view at %d: %s, %v", v.Position(), quad, err)
		}
		n++
	}
	for quad := range want { // whose value may be gone from the store, and another have its id
		id, ok, err := v.Lookup(quad.O)
		if term, err2 := v.Term(id); !ok || term != quad.O || err != nil || err2 != nil {
			t.Errorf("view at %d: %s: id %d, %v, that of %s; %v, %v", v.Position(), quad.O, id, ok, term, err, err2)
		}
	}
	if n != len(want) || v.Len() != n {
		t.Errorf("view at %d: %d quads, it says %d, expected %d", v.Position(), n, v.Len(), len(want))
	}
}
