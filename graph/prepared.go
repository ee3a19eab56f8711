package graph

import (
	"sync"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

const (
	// maxKept is the length of the longest text that is kept, in bytes: reading a longer one is the least of what it takes.
	maxKept = 8 << 10
	// keptTexts bounds the lengths of the texts of one generation, in bytes. What is made of a text takes up to about 60 times its length
	// (300 bytes for a pattern of five): both generations hold 16 MiB at most.
	keptTexts = 128 << 10
)

// prepared are queries that were asked lately, ready to be evaluated, since clients ask the same texts again and again. There are two
// generations: what is asked for goes to the younger one, and when that is full, the older one is dropped, and it takes its place. So
// what is asked as often as others stays, without an order to keep. It may be used concurrently.
type prepared struct {
	mu    sync.Mutex // guards what follows
	young map[preparedKey]*preparedQuery
	old   map[preparedKey]*preparedQuery
	held  int // lengths of the texts of the younger generation
}

type preparedKey struct{ text, base string }

// preparedQuery is shared by those who ask it, of whom none changes it.
type preparedQuery struct {
	tree  *sparql.Query
	query *eval.Query
}

// of returns a question's query. The options are always the same, but for the base, which is the question's. Errors are those of
// [sparql.ParseQuery] and [eval.Prepare].
func (p *prepared) of(q *Question, o eval.Options) (*preparedQuery, error) {
	if len(q.Dataset.Default)+len(q.Dataset.Named) > 0 || len(q.Text)+len(q.Base) > maxKept {
		return prepare(q, o)
	}
	key := preparedKey{q.Text, q.Base}
	if found := p.find(key); found != nil {
		return found, nil
	}
	made, err := prepare(q, o)
	if err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.keep(key, made)
	}
	return made, err
}

func prepare(q *Question, o eval.Options) (*preparedQuery, error) {
	tree, err := sparql.ParseQuery(q.Text, sparql.Base(q.Base))
	if err != nil {
		return nil, err
	}
	if len(q.Dataset.Default)+len(q.Dataset.Named) > 0 {
		tree.Dataset = q.Dataset
	}
	query, err := eval.Prepare(tree, o)
	return &preparedQuery{tree, query}, err
}

// find returns a query that is kept, which is among the younger ones from then on; nil if there is none.
func (p *prepared) find(key preparedKey) *preparedQuery {
	p.mu.Lock()
	defer p.mu.Unlock()
	if found := p.young[key]; found != nil {
		return found
	}
	found := p.old[key]
	if found != nil {
		p.keep(key, found)
	}
	return found
}

// keep is called by who holds the lock.
func (p *prepared) keep(key preparedKey, q *preparedQuery) {
	if p.young[key] != nil { // another one was as fast
		return
	}
	length := len(key.text) + len(key.base)
	if p.young == nil || p.held+length > keptTexts {
		p.old, p.young, p.held = p.young, map[preparedKey]*preparedQuery{}, 0
	}
	p.young[key] = q
	p.held += length
}
