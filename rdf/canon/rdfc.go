package canon

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// canonicalizer is the canonicalization state of RDFC-1.0, section 4.3. Section numbers are those of the standard.
type canonicalizer struct {
	g         *graph
	sum       func([]byte) string
	work      *budget
	canonical *issuer
	first     []string // Hash First Degree Quads of each node
}

func newCanonicalizer(g *graph, h Hash, work *budget) *canonicalizer {
	sum := sum256
	if h == SHA384 {
		sum = sum384
	}
	return &canonicalizer{g: g, sum: sum, work: work, canonical: newIssuer("_:c14n"), first: make([]string, len(g.terms))}
}

func sum256(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

func sum384(data []byte) string {
	h := sha512.Sum384(data)
	return hex.EncodeToString(h[:])
}

// issuer is the identifier issuer of section 4.5.
type issuer struct {
	prefix string
	order  []int32 // nodes in the order in which they got their identifiers
	number map[int32]int
}

func newIssuer(prefix string) *issuer { return &issuer{prefix: prefix, number: map[int32]int{}} }

func (i *issuer) clone() *issuer {
	return &issuer{prefix: i.prefix, order: slices.Clone(i.order), number: maps.Clone(i.number)}
}

// get returns the node's identifier, with "_:"; ok is false if it has none.
func (i *issuer) get(n int32) (id string, ok bool) {
	number, ok := i.number[n]
	if !ok {
		return "", false
	}
	return i.prefix + strconv.Itoa(number), true
}

// issue returns the node's identifier, a new one if it had none.
func (i *issuer) issue(n int32) string {
	if _, ok := i.number[n]; !ok {
		i.number[n] = len(i.order)
		i.order = append(i.order, n)
	}
	id, _ := i.get(n)
	return id
}

// run is the algorithm of section 4.4.3.
func (c *canonicalizer) run() error {
	nodes := make([]int32, len(c.g.terms))
	for n := range nodes {
		nodes[n] = int32(n)
		c.first[n] = c.hashFirstDegree(int32(n))
	}
	slices.SortFunc(nodes, func(a, b int32) int { return strings.Compare(c.first[a], c.first[b]) })
	var shared [][]int32
	for len(nodes) > 0 {
		n := 1
		for n < len(nodes) && c.first[nodes[n]] == c.first[nodes[0]] {
			n++
		}
		if n == 1 {
			c.canonical.issue(nodes[0])
		} else {
			shared = append(shared, nodes[:n])
		}
		nodes = nodes[n:]
	}
	for _, same := range shared {
		if err := c.resolve(same); err != nil {
			return err
		}
	}
	return nil
}

// resolve gives identifiers to nodes of one first degree hash (step 5 of the algorithm).
func (c *canonicalizer) resolve(same []int32) error {
	var paths []result
	for _, n := range same {
		if _, ok := c.canonical.get(n); ok {
			continue
		}
		temporary := newIssuer("_:b")
		temporary.issue(n)
		r, err := c.hashNDegree(n, temporary)
		if err != nil {
			return err
		}
		paths = append(paths, r)
	}
	slices.SortStableFunc(paths, func(a, b result) int { return strings.Compare(a.hash, b.hash) })
	for _, r := range paths {
		for _, n := range r.issuer.order {
			c.canonical.issue(n)
		}
	}
	return nil
}

// hashFirstDegree is the algorithm of section 4.6.3.
func (c *canonicalizer) hashFirstDegree(n int32) string {
	var text []byte
	lines := make([]string, 0, len(c.g.of[n]))
	for _, id := range c.g.of[n] {
		text = c.firstDegreeLine(text[:0], &c.g.edges[id], n)
		lines = append(lines, string(text))
	}
	slices.Sort(lines)
	text = text[:0]
	for _, line := range lines {
		text = append(text, line...)
	}
	return c.sum(text)
}

// firstDegreeLine appends a quad in which the node that is looked at is _:a, and every other one _:z.
func (c *canonicalizer) firstDegreeLine(dst []byte, e *edge, n int32) []byte {
	put := func(place int) {
		switch e.nodes[place] {
		case none:
			dst = append(dst, e.term(place).String()...)
		case n:
			dst = append(dst, "_:a"...)
		default:
			dst = append(dst, "_:z"...)
		}
		dst = append(dst, ' ')
	}
	put(subject)
	dst = append(dst, e.quad.P.String()...)
	dst = append(dst, ' ')
	put(object)
	if !e.quad.G.IsZero() {
		put(graphName)
	}
	return append(dst, ".\n"...)
}

// hashRelated is the algorithm of section 4.7.3 for the node at a place of a quad.
func (c *canonicalizer) hashRelated(e *edge, place int, temporary *issuer) string {
	input := [places]string{"s", "o", "g"}[place]
	if place != graphName {
		input += e.quad.P.String()
	}
	related := e.nodes[place]
	id, ok := c.canonical.get(related)
	if !ok {
		if id, ok = temporary.get(related); !ok {
			id = c.first[related]
		}
	}
	return c.sum([]byte(input + id))
}

// result is what Hash N-Degree Quads returns.
type result struct {
	hash   string
	issuer *issuer
}

// hashNDegree is the algorithm of section 4.8.3. It may change the issuer.
func (c *canonicalizer) hashNDegree(n int32, temporary *issuer) (result, error) {
	if err := c.work.spend(1 + len(c.g.of[n])); err != nil {
		return result{}, err
	}
	related := map[string][]int32{}
	for _, id := range c.g.of[n] {
		e := &c.g.edges[id]
		for place, other := range e.nodes {
			if other != none && other != n {
				hash := c.hashRelated(e, place, temporary)
				related[hash] = append(related[hash], other)
			}
		}
	}
	var data []byte
	for _, hash := range slices.Sorted(maps.Keys(related)) {
		chosen, err := c.choose(related[hash], temporary)
		if err != nil {
			return result{}, err
		}
		data = append(append(data, hash...), chosen.hash...)
		temporary = chosen.issuer
	}
	return result{c.sum(data), temporary}, nil
}

// choose returns the least path through nodes of one related hash, among all orders (step 5.4).
func (c *canonicalizer) choose(nodes []int32, temporary *issuer) (chosen result, err error) {
	slices.Sort(nodes)
	for more := true; more; more = nextPermutation(nodes) {
		if err := c.work.spend(len(nodes) + len(temporary.order)); err != nil {
			return result{}, err
		}
		tried, err := c.path(nodes, temporary.clone(), chosen.hash)
		if err != nil {
			return result{}, err
		}
		if tried.issuer != nil && (chosen.issuer == nil || tried.hash < chosen.hash) {
			chosen = tried
		}
	}
	return chosen, nil
}

// path makes the path of one order (steps 5.4.1 to 5.4.5). The result has no issuer if the path is sure to be no less
// than the least one so far.
func (c *canonicalizer) path(nodes []int32, temporary *issuer, least string) (result, error) {
	var path []byte
	var recursion []int32
	worse := func() bool { return least != "" && len(path) >= len(least) && string(path) > least }
	for _, n := range nodes {
		id, ok := c.canonical.get(n)
		if !ok {
			if _, seen := temporary.get(n); !seen {
				recursion = append(recursion, n)
			}
			id = temporary.issue(n)
		}
		if path = append(path, id...); worse() {
			return result{}, nil
		}
	}
	for _, n := range recursion {
		r, err := c.hashNDegree(n, temporary)
		if err != nil {
			return result{}, err
		}
		path = append(path, temporary.issue(n)...)
		path = append(append(append(path, '<'), r.hash...), '>')
		temporary = r.issuer
		if worse() {
			return result{}, nil
		}
	}
	return result{string(path), temporary}, nil
}

// nextPermutation brings nodes into the next order by their numbers, and reports false after the last one.
func nextPermutation(nodes []int32) bool {
	i := len(nodes) - 2
	for i >= 0 && nodes[i] >= nodes[i+1] {
		i--
	}
	if i < 0 {
		return false
	}
	j := len(nodes) - 1
	for nodes[j] <= nodes[i] {
		j--
	}
	nodes[i], nodes[j] = nodes[j], nodes[i]
	slices.Reverse(nodes[i+1:])
	return true
}
