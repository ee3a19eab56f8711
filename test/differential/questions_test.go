package differential

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestQuestions compares our answers to many queries and updates with those of independent stores.
func TestQuestions(t *testing.T) {
	i := &interview{peers: stores(t), seed: number(t, "QUADRILLE_SEED", 1), explained: map[string]int{}}
	count := number(t, "QUADRILLE_QUESTIONS", 1000)
	for n := uint64(0); n < count && i.failed < mostFailures; n++ {
		i.compare(t, n)
	}
	t.Logf("%d answers compared, %d of them to updates; %d questions over our budget; %d differences that are not explained",
		i.compared, i.updates, i.skipped, i.failed)
	for _, k := range knownAnswers {
		if i.explained[k.name] > 0 {
			t.Logf("%4d: %s", i.explained[k.name], k.name)
		}
	}
}

// interview is a run with some seed.
type interview struct {
	peers                              []*peer
	seed                               uint64
	explained                          map[string]int
	compared, updates, skipped, failed int
}

// question returns the n-th question: of each four, one has literals in forms that Oxigraph doesn't keep.
func (i *interview) question(n uint64) question {
	return ask(rand.New(rand.NewPCG(i.seed, n)), n%4 == 0)
}

// compare compares the answers to a question: ours by two stores in memory, one question in 256 also by one on a disk.
func (i *interview) compare(t *testing.T, n uint64) {
	q := i.question(n)
	kinds := []keeper{indexed, plain}
	if n%256 == 0 {
		kinds = append(kinds, onDisk)
	}
	ours := q.ours(kinds...)
	if strings.HasPrefix(ours.reason, overBudget) {
		i.skipped++
		return
	}
	if ours.reason != "" { // a fault, or no question
		i.failed++
		t.Errorf("question %d of seed %d: %s\n%s", n, i.seed, ours.reason, q.document())
		return
	}
	for _, p := range i.peers {
		if n%4 == 0 && p.name == oxigraphName { // RDF 1.2 Concepts, section 3.4: literals are equal character by character
			continue
		}
		i.count(q, ours)
		got := check(t, p, q, ours)
		for _, name := range got.known {
			i.explained[name]++
		}
		if got.difference != "" && len(got.known) == 0 {
			i.failed++
			i.show(t, p, n, q, got)
		}
	}
}

func (i *interview) count(q question, ours answer) {
	i.compared++
	if q.form == formatUpdate {
		i.updates++
	}
}

// show fails the test with a small question that has the difference of this one.
func (i *interview) show(t *testing.T, p *peer, n uint64, q question, was outcome) {
	fails := func(document []byte) bool {
		q, err := readQuestion(q.form, document)
		if err != nil {
			return false
		}
		ours := q.ours(indexed)
		if strings.HasPrefix(ours.reason, overBudget) {
			return false
		}
		got := check(t, p, q, ours)
		return got.difference == was.difference && len(got.known) == 0
	}
	small := shrink(q.document(), fails)
	q, _ = readQuestion(q.form, small)
	text := fmt.Sprintf("question %d of seed %d: %s\n%s\nours: %s", n, i.seed, was.difference, small, q.ours(indexed).short())
	for _, p := range i.peers {
		text += fmt.Sprintf("\n%s: %s", p.name, p.read(t, q.form, small).short())
	}
	t.Error(text)
}

// short is the answer in words, a row or a quad a line.
func (a answer) short() string {
	text := "refused, " + a.reason
	if a.reason == "" {
		text = "answered"
		for _, q := range a.quads {
			text += "\n\t" + q.String()
		}
	}
	return text[:min(len(text), 2000)]
}

// check compares our answer with a peer's.
func check(t *testing.T, p *peer, q question, ours answer) outcome {
	t.Helper()
	r := reading{ours, p.read(t, q.form, q.document())}
	if agree(q, r.ours, r.theirs) {
		return outcome{}
	}
	return outcome{r.difference(), explainAnswer(t, p, q, r)}
}

// explainAnswer returns the name of the known difference that explains one, or the names of several that do together, none if they don't.
func explainAnswer(t *testing.T, p *peer, q question, r reading) (names []string) {
	q = canonical(q)
	all := q
	for _, k := range knownAnswers {
		if !k.of(p, q) {
			continue
		}
		if k.repair == nil {
			if k.differs(q, r) {
				return []string{k.name}
			}
			continue
		}
		if explains(t, p, q, k.repair(q)) {
			return []string{k.name}
		}
	}
	for _, k := range knownAnswers {
		if k.repair == nil || !k.of(p, q) {
			continue
		}
		repaired := canonical(k.repair(all))
		if !different(all, repaired) {
			continue
		}
		names, all = append(names, k.name), repaired
		if explains(t, p, q, all) {
			return names
		}
		if name := unrepairable(t, p, all); name != "" {
			return append(names, name)
		}
	}
	return nil
}

// unrepairable returns the name of the known difference that shows in the answers to a question alone, if there is one.
func unrepairable(t *testing.T, p *peer, q question) string {
	t.Helper()
	r := reading{q.ours(indexed), p.read(t, q.form, q.document())}
	for _, k := range knownAnswers {
		if k.repair == nil && k.of(p, q) && k.differs(q, r) {
			return k.name
		}
	}
	return ""
}

// explains reports whether the answers to a question are the same once it is repaired.
func explains(t *testing.T, p *peer, q, repaired question) bool {
	if !different(q, repaired) {
		return false
	}
	ours := repaired.ours(indexed)
	return ours.reason == "" && agree(repaired, ours, p.read(t, q.form, repaired.document()))
}

func different(a, b question) bool { return a.text != b.text || !slices.Equal(a.quads, b.quads) }
