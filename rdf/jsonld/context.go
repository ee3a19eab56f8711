package jsonld

import (
	"fmt"
	"maps"
	"strings"

	"github.com/quadrille-stream/quadrille/internal/iri"
	"github.com/quadrille-stream/quadrille/rdf"
)

// activeContext is what a local context leads to. Once it is made it is not changed: others are laid over it, so that a
// small context costs little where a large one holds.
type activeContext struct {
	base      *iri.Base // nil: none
	vocab     *string
	language  *string
	direction string
	protected bool // there is a term that may not be redefined
	previous  *activeContext
	cached    *activeContext // the one in the cache that it differs from in the base alone; nil if there is none

	own    map[string]*termDefinition // nil for a term that was taken out
	parent *activeContext             // has the other terms
	layers int
}

// mostLayers is how many contexts a term is looked for in, before their terms are put into one.
const mostLayers = 16

// termDefinition is what a term stands for.
type termDefinition struct {
	id         string // "": null
	typ        string
	container  containers
	index      string
	nest       string
	language   *string
	direction  *string
	context    any
	contextURL string // that references in context are relative to

	reverse, prefix, protected, hasContext, hasLanguage, hasDirection bool
}

// term returns the definition of a term, nil if there is none.
func (c *activeContext) term(name string) *termDefinition {
	for ; c != nil; c = c.parent {
		if t, ok := c.own[name]; ok {
			return t
		}
	}
	return nil
}

// over returns a context that may be changed, with all that c has.
func (p *processor) over(c *activeContext) (*activeContext, error) {
	next := *c
	next.parent, next.own, next.layers, next.cached = c, map[string]*termDefinition{}, c.layers+1, nil
	if next.layers < mostLayers {
		return &next, nil
	}
	for layer := c; layer != nil; layer = layer.parent {
		for name, t := range layer.own {
			if _, known := next.own[name]; !known {
				next.own[name] = t
			}
		}
	}
	next.parent, next.layers = nil, 0
	return &next, p.copied(len(next.own))
}

// processor expands a document.
type processor struct {
	o       *options
	initial *activeContext
	remote  map[string]*remoteDocument  // by their IRIs
	made    map[contextKey]*madeContext // by what they were made of
	making  int                         // remote contexts that are being processed
	loaded  []loaded                    // for the innermost of them
	based   bool                        // the base was looked at
	copies  int
	bytes   int // of names that were written in full
}

// contextKey is what makes an active context: another one, and a remote context or the context of a term.
type contextKey struct {
	active              *activeContext
	iri                 string
	term                *termDefinition
	override, propagate bool
}

func newProcessor(o *options) *processor {
	p := &processor{o: o, initial: &activeContext{}, remote: map[string]*remoteDocument{}, made: map[contextKey]*madeContext{}}
	if o.cache != nil {
		p.initial.cached = &o.cache.nothing
	}
	if o.base != "" {
		p.initial.base = new(iri.Base)
		p.initial.base.Set(o.base)
	}
	return p
}

func (p *processor) version10() bool { return p.o.version10 }

// copied counts definitions that were made or copied, and fails if they are too many.
func (p *processor) copied(n int) error {
	if p.copies += n; p.copies > p.o.copies {
		return &Error{Msg: fmt.Sprintf("contexts with %d definitions are %v of %d", p.copies, rdf.ErrLimit, p.o.copies), Err: rdf.ErrLimit}
	}
	return p.o.takes(definitionCost * n)
}

// wrong makes an error with a code of the standard.
func wrong(code, format string, args ...any) error {
	return &Error{Code: code, Msg: fmt.Sprintf(format, args...)}
}

// local is a local context that is being processed.
type local struct {
	url       string   // of the document that it stands in
	remote    []string // the remote contexts that it stands in, the outermost first
	override  bool     // of protected terms
	propagate bool
	unchecked bool // contexts of terms that are being looked at only
}

// process returns what a local context makes of an active one (Context Processing Algorithm).
func (p *processor) process(active *activeContext, context any, l local) (*activeContext, error) {
	if c, ok := context.(map[string]any); ok {
		if propagate, ok := c["@propagate"].(bool); ok {
			l.propagate = propagate
		}
	}
	result := active
	if !l.propagate && active.previous == nil {
		next, err := p.over(active)
		if err != nil {
			return nil, err
		}
		next.previous = active
		result = next
	}
	contexts := []any{context}
	if all, ok := context.([]any); ok {
		contexts = all
	}
	for _, c := range contexts {
		var err error
		switch c := c.(type) {
		case nil:
			result, err = p.nullified(result, l)
		case string:
			result, err = p.remoteContext(result, c, l)
		case map[string]any:
			result, err = p.define(result, c, l)
		default:
			err = wrong("invalid local context", "expected an object, an IRI or null, found %s", kindOf(c))
		}
		if err != nil {
			return nil, err
		}
	}
	return result, nil
}

// nullified returns what null makes of a context.
func (p *processor) nullified(c *activeContext, l local) (*activeContext, error) {
	if c.protected && !l.override {
		return nil, wrong("invalid context nullification", "there are protected terms")
	}
	if l.propagate {
		return p.initial, nil
	}
	next := *p.initial
	next.previous, next.cached = c, nil
	return &next, nil
}

// define returns what a context object makes of a context.
func (p *processor) define(c *activeContext, context map[string]any, l local) (*activeContext, error) {
	result, err := p.over(c)
	if err != nil {
		return nil, err
	}
	if context, err = p.imported(context, l); err != nil {
		return nil, err
	}
	if err := p.copied(len(context)); err != nil {
		return nil, err
	}
	if err := p.settings(result, context, l); err != nil {
		return nil, err
	}
	d := definer{p: p, c: result, context: context, local: l, defined: map[string]bool{}}
	d.protected, _ = context["@protected"].(bool)
	for _, name := range members(context) {
		switch name {
		case "@base", "@direction", "@import", "@language", "@propagate", "@protected", "@version", "@vocab":
		default:
			if err := d.define(name); err != nil {
				return nil, err
			}
		}
	}
	return result, nil
}

// imported returns a context with what it imports.
func (p *processor) imported(context map[string]any, l local) (map[string]any, error) {
	v, ok := context["@import"]
	if !ok {
		return context, nil
	}
	reference, isString := v.(string)
	switch {
	case p.version10():
		return nil, wrong("invalid context entry", "@import came with JSON-LD 1.1")
	case !isString:
		return nil, wrong("invalid @import value", "expected an IRI, found %s", kindOf(v))
	}
	url, err := p.resolveURL(l.url, reference)
	if err != nil {
		return nil, err
	}
	loaded, err := p.load(url)
	if err != nil {
		return nil, err
	}
	outer, ok := loaded.(map[string]any)
	if !ok {
		return nil, wrong("invalid remote context", "%s: expected an object to import, found %s", url, kindOf(loaded))
	}
	if _, ok := outer["@import"]; ok {
		return nil, wrong("invalid context entry", "%s, which is imported, imports", url)
	}
	merged := maps.Clone(outer)
	maps.Copy(merged, context)
	return merged, nil
}

// settings takes what in a context is no term.
func (p *processor) settings(c *activeContext, context map[string]any, l local) error {
	if v, ok := context["@version"]; ok {
		switch {
		case v != 1.1:
			return wrong("invalid @version value", "expected 1.1, found %v", v)
		case p.version10():
			return wrong("processing mode conflict", "@version 1.1 in JSON-LD 1.0")
		}
	}
	for _, name := range []string{"@direction", "@propagate"} {
		if _, ok := context[name]; ok && p.version10() {
			return wrong("invalid context entry", "%s came with JSON-LD 1.1", name)
		}
	}
	if v, ok := context["@propagate"]; ok {
		if _, ok := v.(bool); !ok {
			return wrong("invalid @propagate value", "expected true or false, found %s", kindOf(v))
		}
	}
	if v, ok := context["@protected"]; ok {
		if _, ok := v.(bool); !ok {
			return wrong("invalid @protected value", "expected true or false, found %s", kindOf(v))
		}
	}
	if err := p.setBase(c, context, l); err != nil {
		return err
	}
	if err := p.setVocab(c, context); err != nil {
		return err
	}
	return setDefaults(c, context)
}

// setBase takes @base, unless it is in a remote context.
func (p *processor) setBase(c *activeContext, context map[string]any, l local) error {
	v, ok := context["@base"]
	if !ok || len(l.remote) > 0 {
		return nil
	}
	if v == nil {
		c.base = nil
		return nil
	}
	text, ok := v.(string)
	if ok && !isAbsolute(text) {
		ok = c.base != nil
		if ok {
			text, ok = against(c.base, text)
		}
	}
	if !ok {
		return wrong("invalid base IRI", "expected an IRI, or null, found %v", v)
	}
	c.base = new(iri.Base)
	c.base.Set(text)
	return nil
}

func against(base *iri.Base, reference string) (string, bool) {
	text, ok := base.Resolve(nil, reference)
	return string(text), ok
}

func (p *processor) setVocab(c *activeContext, context map[string]any) error {
	v, ok := context["@vocab"]
	if !ok {
		return nil
	}
	if v == nil {
		c.vocab = nil
		return nil
	}
	text, ok := v.(string)
	if !ok || p.version10() && !isAbsolute(text) && !isBlank(text) {
		return wrong("invalid vocab mapping", "expected an IRI, or null, found %v", v)
	}
	expanded, err := p.expandIRI(c, text, relative|inVocab)
	c.vocab = &expanded
	return err
}

// setDefaults takes the language and direction of strings.
func setDefaults(c *activeContext, context map[string]any) error {
	if v, ok := context["@language"]; ok {
		text, isString := v.(string)
		if c.language = &text; v == nil {
			c.language = nil
		} else if !isString {
			return wrong("invalid default language", "expected a string, or null, found %s", kindOf(v))
		}
	}
	if v, ok := context["@direction"]; ok {
		if c.direction, _ = v.(string); v != nil && c.direction != "ltr" && c.direction != "rtl" {
			return wrong("invalid base direction", "expected \"ltr\", \"rtl\" or null, found %v", v)
		}
	}
	return nil
}

// How an IRI is expanded.
const (
	relative = 1 << iota // to the base
	inVocab              // it may be a term
)

// expandIRI returns what a string stands for; "" if it is left out (IRI Expansion).
func (p *processor) expandIRI(c *activeContext, value string, how int) (string, error) {
	if isKeyword(value) {
		return value, nil
	}
	if looksLikeKeyword(value) {
		return "", nil
	}
	if t := c.term(value); t != nil && (how&inVocab != 0 || isKeyword(t.id)) {
		return t.id, nil
	}
	if colon := strings.IndexByte(value, ':'); colon > 0 {
		prefix, suffix := value[:colon], value[colon+1:]
		if prefix == "_" || strings.HasPrefix(suffix, "//") {
			return value, nil
		}
		if t := c.term(prefix); t != nil && t.id != "" && t.prefix {
			return p.full(t.id, suffix)
		}
		if isAbsolute(value) {
			return value, nil
		}
	}
	switch {
	case how&inVocab != 0 && c.vocab != nil:
		return p.full(*c.vocab, value)
	case how&relative != 0:
		return p.resolved(c.base, value)
	}
	return value, nil
}

// resolved returns what an IRI stands for that may be relative.
func (p *processor) resolved(base *iri.Base, value string) (string, error) {
	p.based = true
	if base != nil && iri.IsReference(value) {
		if text, ok := against(base, value); ok {
			return p.full(text, "")
		}
	}
	return value, nil
}

// full joins the parts of a name, and bounds the bytes of all.
func (p *processor) full(begin, rest string) (string, error) {
	if p.bytes += len(begin) + len(rest); p.bytes > p.o.expanded {
		return "", &Error{Msg: fmt.Sprintf("names of more than %d bytes, written in full, are %v", p.o.expanded, rdf.ErrLimit), Err: rdf.ErrLimit}
	}
	return begin + rest, p.o.takes(len(begin) + len(rest))
}

// isAbsolute reports whether a text begins as an absolute IRI does.
func isAbsolute(text string) bool {
	for i := range len(text) {
		c := text[i] | 0x20
		switch {
		case text[i] == ':':
			return i > 0
		case c >= 'a' && c <= 'z':
		case i == 0 || (text[i] < '0' || text[i] > '9') && text[i] != '+' && text[i] != '-' && text[i] != '.':
			return false
		}
	}
	return false
}

func isBlank(text string) bool { return strings.HasPrefix(text, "_:") }

var keywords = map[string]struct{}{
	"@base": {}, "@container": {}, "@context": {}, "@direction": {}, "@graph": {}, "@id": {}, "@import": {}, "@included": {},
	"@index": {}, "@json": {}, "@language": {}, "@list": {}, "@nest": {}, "@none": {}, "@prefix": {}, "@propagate": {},
	"@protected": {}, "@reverse": {}, "@set": {}, "@type": {}, "@value": {}, "@version": {}, "@vocab": {},
}

func isKeyword(text string) bool {
	if text == "" || text[0] != '@' {
		return false
	}
	_, ok := keywords[text]
	return ok
}

// looksLikeKeyword reports whether a text is "@" and letters, which is left for keywords to come.
func looksLikeKeyword(text string) bool {
	if len(text) < 2 || text[0] != '@' {
		return false
	}
	for i := 1; i < len(text); i++ {
		if c := text[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}
