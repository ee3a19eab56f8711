package sim

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator/dataset"
)

// The SPARQL Updates of clients count: one the number of a subject, from 0 where there is none, the other all numbers that subjects have
// for a predicate.
const (
	countText = "DELETE { %[1]s %[2]s ?n } INSERT { %[1]s %[2]s ?m } WHERE { OPTIONAL { %[1]s %[2]s ?n } BIND(COALESCE(?n, 0) + 1 AS ?m) }"
	everyText = "DELETE { ?s %[1]s ?n } INSERT { ?s %[1]s ?m } WHERE { ?s %[1]s ?n BIND(?n + 1 AS ?m) }"
)

// number is a line of a number that is counted.
func number(subject, predicate string, n int) string {
	return fmt.Sprintf("%s %s \"%d\"^^<http://www.w3.org/2001/XMLSchema#integer> .", subject, predicate, n)
}

// updates is a SPARQL Update: of a subject that others count at the same time, of one of the client's own, or of all of its own, in
// whatever shard. In what order those of several clients come makes no difference to the numbers.
func (c *client) updates() string {
	own := fmt.Sprintf("<urn:%s>", c.name)
	switch c.w.rng.IntN(4) {
	case 0:
		return fmt.Sprintf(everyText, own)
	case 1:
		return fmt.Sprintf(countText, fmt.Sprintf("<urn:%s:%d>", c.name, c.w.rng.IntN(6)), own)
	}
	return fmt.Sprintf(countText, fmt.Sprintf("<urn:shared:%d>", c.w.rng.IntN(3)), "<urn:n>")
}

// update divides a SPARQL Update as a node's door does.
func (c *client) update(number, text string) *document {
	d := &document{client: c, number: number}
	split, err := dataset.Splitter{Key: c.w.cfg.Key, Shards: c.w.cfg.Shards}.Update([]byte(text), func() string { return d.String() })
	if err != nil {
		c.w.broken(ErrDropped, "%s: %v", d, err)
	}
	d.events = split.Events()
	d.identify()
	return d
}

// update carries out an update on the model, by its text.
func (s *shardCheck) update(t *taken) {
	f := strings.Fields(string(t.Payload)) // DELETE { subject predicate …
	subject, predicate := f[2], f[3]
	var old []string
	for line := range s.wanted {
		if on, rest, _ := strings.Cut(line, " "); strings.HasPrefix(rest, predicate+" ") && (on == subject || subject == "?s") {
			old = append(old, line)
		}
	}
	if len(old) == 0 && subject != "?s" {
		s.set(s.wanted, s.logged, number(subject, predicate, 1), true)
	}
	for _, line := range old {
		on, rest, _ := strings.Cut(line, " ")
		text, _, _ := strings.Cut(strings.TrimPrefix(rest, predicate+` "`), `"`)
		n, _ := strconv.Atoi(text)
		s.set(s.wanted, s.logged, line, false)
		s.set(s.wanted, s.logged, number(on, predicate, n+1), true)
	}
}

// isUpdate reports whether an event is a SPARQL Update.
func isUpdate(ev *event.Event) bool { return ev.MediaType == dataset.UpdateMediaType }
