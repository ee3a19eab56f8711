package turtle

import "strings"

// Prefix is a name for the beginning of IRIs.
type Prefix struct {
	// Name is written without the colon; it may be empty.
	Name string
	// IRI is what the name stands for.
	IRI string
}

// Prefixes returns the prefixes that the document has declared so far, each as it was declared last, in the order of
// their first declarations.
func (rd *Reader) Prefixes() []Prefix {
	var all []Prefix
	for _, p := range rd.prefixes.list {
		all = append(all, Prefix{p.name, p.begin[1:]})
	}
	return all
}

// prefixes are those of a document.
type prefixes struct {
	byName map[string]*declared
	list   []*declared
	// recent has those that were looked up, by slot.
	recent [64]*declared
	bytes  int
	most   int
}

type declared struct {
	name  string
	begin string // "<" and the IRI
}

func slot(name string) int {
	if name == "" {
		return 0
	}
	return (len(name)*31 + int(name[0])*7 + int(name[len(name)-1])) & 63
}

// begin returns what IRIs with the prefix begin with, "<" first; "" if it has not been declared.
func (p *prefixes) begin(name string) string {
	at := &p.recent[slot(name)]
	if d := *at; d != nil && d.name == name {
		return d.begin
	}
	d := p.byName[name]
	if d == nil {
		return ""
	}
	*at = d
	return d.begin
}

// declare sets what a prefix stands for: an IRI in angle brackets. It reports false if that is over the bound.
func (p *prefixes) declare(name, iri string) bool {
	d := p.byName[name]
	if d == nil {
		d = &declared{name: strings.Clone(name)}
		if p.byName == nil {
			p.byName = map[string]*declared{}
		}
		p.byName[d.name] = d
		p.list = append(p.list, d)
		p.bytes += len(name) - len("<")
	}
	p.bytes += len(iri) - len(">") - len(d.begin)
	if p.bytes > p.most {
		return false
	}
	if begin := iri[:len(iri)-1]; d.begin != begin {
		d.begin = strings.Clone(begin)
	}
	return true
}
