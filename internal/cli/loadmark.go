package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"slices"

	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// errOtherStatements: a file that was loaded in part doesn't begin as it did then.
var errOtherStatements = errors.New("the file doesn't begin as it did when it was loaded in part; --forget loads it from its start, beside what was loaded of it")

// loadMark is what a folder remembers of a load that hasn't ended, as the meta of its last commit.
type loadMark struct {
	// Files are the names in the call.
	Files []string `json:"files"`
	// Position is that of the store when the load began. Labels of blank nodes are made of it.
	Position uint64 `json:"position"`
	// File is the number of the file that is being loaded, from 0; those before it are in.
	File int `json:"file"`
	// Statements of it are in, whose sum is Sum.
	Statements uint64 `json:"statements"`
	Sum        string `json:"sum"`
}

// markPrefix begins the meta of a folder's store, so that another's is known.
const markPrefix = "quadrille load "

// readMark returns what a store remembers of a load, nil if none is unfinished. A store that belongs to something else is an error.
func readMark(dir string, s store.Store) (*loadMark, error) {
	view := s.View()
	defer view.Close()
	meta, err := view.Meta()
	if err != nil || len(meta) == 0 {
		return nil, err
	}
	m := &loadMark{}
	text, ours := bytes.CutPrefix(meta, []byte(markPrefix))
	if !ours || json.Unmarshal(text, m) != nil {
		return nil, fmt.Errorf("%s: the store belongs to a node, which alone may change it", dir)
	}
	return m, nil
}

// bytes is the mark as the store keeps it; nothing if no load is under way.
func (m *loadMark) bytes() ([]byte, error) {
	if len(m.Files) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(m)
	return append([]byte(markPrefix), text...), err
}

// isOf reports whether a call with these files goes on with the load.
func (m *loadMark) isOf(names []string) bool { return slices.Equal(m.Files, names) }

// start says that the i-th file is the next one, unless it is the one already.
func (m *loadMark) start(i int) {
	if i != m.File {
		m.File, m.Statements, m.Sum = i, 0, ""
	}
}

// blankPrefix stands before the labels of the file's blank nodes: no other file of any load has it.
func (m *loadMark) blankPrefix() string { return fmt.Sprintf("l%d-%d-", m.Position, m.File+1) }

// unfinished is the error of what can't be done before the load has ended.
func (m *loadMark) unfinished(dir string) error {
	if m.File >= len(m.Files) {
		return fmt.Errorf("%s: a load of %s has not ended: the same call ends it", dir, terminal.Count(len(m.Files), "file"))
	}
	return fmt.Errorf("%s: a load of %s was interrupted after %s of %s: the same call goes on with it", dir,
		terminal.Count(len(m.Files), "file"), terminal.Count(m.Statements, "statement"), displayName(m.Files[m.File]))
}

// statementSum is a sum of the statements that have come.
type statementSum struct {
	hash hash.Hash
	line []byte
}

func newStatementSum() *statementSum { return &statementSum{hash: sha256.New()} }

func (s *statementSum) add(q rdf.Quad) {
	s.line = s.line[:0]
	for _, t := range [...]rdf.Term{q.S, q.P, q.O, q.G} {
		s.line = append(append(s.line, t.String()...), ' ')
	}
	_, _ = s.hash.Write(append(s.line, '\n')) // which can't fail
}

func (s *statementSum) text() string { return hex.EncodeToString(s.hash.Sum(nil)) }
