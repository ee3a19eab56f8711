package jsonld

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// containers is a set of what @container may have.
type containers uint8

const (
	inGraph containers = 1 << iota
	byID
	byIndex
	byLanguage
	inList
	inSet
	byType
)

var containerNames = map[string]containers{"@graph": inGraph, "@id": byID, "@index": byIndex, "@language": byLanguage,
	"@list": inList, "@set": inSet, "@type": byType}

// definer defines the terms of a context object (Create Term Definition).
type definer struct {
	p         *processor
	c         *activeContext // which is being made
	context   map[string]any
	local     local
	protected bool            // what terms are unless they say otherwise
	defined   map[string]bool // false: being defined
}

// define defines a term, and before it those that it is made of.
func (d *definer) define(name string) error {
	if done, begun := d.defined[name]; begun {
		if !done {
			return wrong("cyclic IRI mapping", "the definition of %q needs itself", name)
		}
		return nil
	}
	if name == "" {
		return wrong("invalid term definition", "the empty string can't be a term")
	}
	d.defined[name] = false
	value := d.context[name]
	switch {
	case name == "@type":
		if !d.mayDefineType(value) {
			return wrong("keyword redefinition", "@type may have the container @set and be protected, and no more")
		}
	case isKeyword(name):
		return wrong("keyword redefinition", "%s", name)
	case looksLikeKeyword(name):
		return nil
	}
	t := &termDefinition{protected: d.protected}
	keep, err := d.fill(t, name, value)
	if err != nil || !keep {
		return err
	}
	return d.put(name, t)
}

// put sets a term, unless it is protected.
func (d *definer) put(name string, t *termDefinition) error {
	if before := d.c.term(name); before != nil && before.protected && !d.local.override {
		same := *before
		same.protected = t.protected
		if !sameDefinition(&same, t) {
			return wrong("protected term redefinition", "%q", name)
		}
		t = before
	}
	d.c.own[name] = t
	d.c.protected = d.c.protected || t.protected
	d.defined[name] = true
	return nil
}

func sameDefinition(a, b *termDefinition) bool {
	return reflect.DeepEqual(a, b)
}

// mayDefineType reports whether a definition of @type is one that is allowed.
func (d *definer) mayDefineType(value any) bool {
	definition, ok := value.(map[string]any)
	if !ok || d.p.version10() || len(definition) == 0 {
		return false
	}
	for name, v := range definition {
		if name != "@protected" && (name != "@container" || v != "@set" && !isOnly(v, "@set")) {
			return false
		}
	}
	return true
}

func isOnly(v any, text string) bool {
	all, ok := v.([]any)
	return ok && len(all) == 1 && all[0] == text
}

// fill makes the definition of a term. keep is false if it is to be ignored.
func (d *definer) fill(t *termDefinition, name string, value any) (keep bool, err error) {
	definition, isObject := value.(map[string]any)
	simple := false
	switch v := value.(type) {
	case nil:
		definition = map[string]any{"@id": nil}
	case string:
		definition, simple = map[string]any{"@id": v}, true
	default:
		if !isObject {
			return false, wrong("invalid term definition", "%q: expected an object, an IRI or null, found %s", name, kindOf(value))
		}
	}
	if err := d.fillProtected(t, definition); err != nil {
		return false, err
	}
	if err := d.fillType(t, definition); err != nil {
		return false, err
	}
	if reverse, ok := definition["@reverse"]; ok {
		return d.fillReverse(t, definition, reverse)
	}
	if keep, err := d.fillID(t, name, definition, simple); err != nil || !keep {
		return keep, err
	}
	t.prefix = t.prefix || d.p.version10() && !isKeyword(t.id) // there, each term may be one
	for _, fill := range []func(*termDefinition, string, map[string]any) error{d.fillContainer, d.fillIndex, d.fillContext,
		d.fillString, d.fillNest, d.fillPrefix} {
		if err := fill(t, name, definition); err != nil {
			return false, err
		}
	}
	for _, member := range members(definition) {
		switch member {
		case "@id", "@reverse", "@container", "@context", "@direction", "@index", "@language", "@nest", "@prefix", "@protected", "@type":
		default:
			return false, wrong("invalid term definition", "%q: unexpected %q", name, member)
		}
	}
	return true, nil
}

func (d *definer) fillProtected(t *termDefinition, definition map[string]any) error {
	v, ok := definition["@protected"]
	if !ok {
		return nil
	}
	if d.p.version10() {
		return wrong("invalid term definition", "@protected came with JSON-LD 1.1")
	}
	if t.protected, ok = v.(bool); !ok {
		return wrong("invalid @protected value", "expected true or false, found %s", kindOf(v))
	}
	return nil
}

func (d *definer) fillType(t *termDefinition, definition map[string]any) error {
	v, ok := definition["@type"]
	if !ok {
		return nil
	}
	text, ok := v.(string)
	if !ok {
		return wrong("invalid type mapping", "expected an IRI, found %s", kindOf(v))
	}
	var err error
	if t.typ, err = d.expand(text); err != nil {
		return err
	}
	switch t.typ {
	case "@id", "@vocab":
		return nil
	case "@json", "@none":
		if !d.p.version10() {
			return nil
		}
	}
	if !isAbsolute(t.typ) {
		return wrong("invalid type mapping", "expected an IRI, found %q", text)
	}
	return nil
}

// expand expands an IRI in the context, after what it is made of has been defined.
func (d *definer) expand(value string) (string, error) {
	if !isKeyword(value) && !looksLikeKeyword(value) {
		if err := d.need(value); err != nil {
			return "", err
		}
		if colon := strings.IndexByte(value, ':'); colon > 0 && !strings.HasPrefix(value[colon+1:], "//") && value[:colon] != "_" {
			if err := d.need(value[:colon]); err != nil {
				return "", err
			}
		}
	}
	return d.p.expandIRI(d.c, value, inVocab)
}

// need defines a term if it is one of the context.
func (d *definer) need(name string) error {
	if _, ok := d.context[name]; ok && !d.defined[name] && !isKeyword(name) {
		return d.define(name)
	}
	return nil
}

func (d *definer) fillReverse(t *termDefinition, definition map[string]any, reverse any) (keep bool, err error) {
	for _, other := range []string{"@id", "@nest"} {
		if _, ok := definition[other]; ok {
			return false, wrong("invalid reverse property", "unexpected %s beside @reverse", other)
		}
	}
	text, ok := reverse.(string)
	if !ok {
		return false, wrong("invalid IRI mapping", "expected an IRI for @reverse, found %s", kindOf(reverse))
	}
	if looksLikeKeyword(text) && !isKeyword(text) {
		return false, nil
	}
	if t.id, err = d.expand(text); err != nil {
		return false, err
	}
	if !isAbsolute(t.id) && !isBlank(t.id) {
		return false, wrong("invalid IRI mapping", "expected an IRI for @reverse, found %q", text)
	}
	switch container := definition["@container"]; container {
	case nil:
	case "@set":
		t.container = inSet
	case "@index":
		t.container = byIndex
	default:
		return false, wrong("invalid reverse property", "expected the container @set or @index, found %v", container)
	}
	t.reverse = true
	return true, nil
}

func (d *definer) fillID(t *termDefinition, name string, definition map[string]any, simple bool) (keep bool, err error) {
	id, given := definition["@id"]
	if given && id == nil {
		return true, nil
	}
	text, isString := id.(string)
	if given && !isString {
		return false, wrong("invalid IRI mapping", "%q: expected an IRI for @id, found %s", name, kindOf(id))
	}
	colon := strings.IndexByte(name[1:], ':') + 1
	switch {
	case given && text != name:
		return d.fillGivenID(t, name, text, simple)
	case colon > 0:
		prefix, suffix := name[:colon], name[colon+1:]
		if err := d.need(prefix); err != nil {
			return false, err
		}
		if p := d.c.term(prefix); p != nil && p.id != "" && prefix != "_" {
			t.id, err = d.p.full(p.id, suffix)
			return true, err
		}
		t.id = name
	case strings.Contains(name, "/"):
		if t.id, err = d.p.expandIRI(d.c, name, relative|inVocab); err == nil && !isAbsolute(t.id) {
			err = wrong("invalid IRI mapping", "%q is no IRI", name)
		}
	case name == "@type":
		t.id = name
	case d.c.vocab != nil:
		t.id, err = d.p.full(*d.c.vocab, name)
	default:
		err = wrong("invalid IRI mapping", "%q has neither @id nor @vocab", name)
	}
	return true, err
}

func (d *definer) fillGivenID(t *termDefinition, name, id string, simple bool) (keep bool, err error) {
	if looksLikeKeyword(id) && !isKeyword(id) {
		return false, nil
	}
	if t.id, err = d.expand(id); err != nil {
		return false, err
	}
	if !isKeyword(t.id) && !isAbsolute(t.id) && !isBlank(t.id) {
		return false, wrong("invalid IRI mapping", "%q: expected an IRI for @id, found %q", name, id)
	}
	if t.id == "@context" {
		return false, wrong("invalid keyword alias", "%q", name)
	}
	if inner := strings.IndexByte(name[1:], ':'); inner >= 0 && inner+2 < len(name) || strings.Contains(name, "/") {
		d.defined[name] = true
		expanded, err := d.expandTerm(name)
		if err != nil {
			return false, err
		}
		if expanded != t.id && !d.p.version10() {
			return false, wrong("invalid IRI mapping", "%q looks like <%s> and stands for <%s>", name, expanded, t.id)
		}
	}
	if simple && !strings.ContainsAny(name, ":/") {
		t.prefix = isBlank(t.id) || strings.IndexByte(":/?#[]@", t.id[len(t.id)-1]) >= 0
	}
	return true, nil
}

// expandTerm expands what a term looks like, as if it were none.
func (d *definer) expandTerm(name string) (string, error) {
	before := d.c.term(name)
	d.c.own[name] = nil
	expanded, err := d.expand(name)
	if before == nil {
		delete(d.c.own, name)
	} else {
		d.c.own[name] = before
	}
	return expanded, err
}

func (d *definer) fillContainer(t *termDefinition, name string, definition map[string]any) error {
	v, ok := definition["@container"]
	if !ok {
		return nil
	}
	for _, item := range items(v) {
		text, _ := item.(string)
		c := containerNames[text]
		if c == 0 || t.container&c != 0 {
			return wrong("invalid container mapping", "%q: unexpected container %v", name, item)
		}
		t.container |= c
	}
	_, single := v.(string)
	if !t.container.valid() || d.p.version10() && (!single || t.container&(inGraph|byID|byType) != 0) {
		return wrong("invalid container mapping", "%q: %v", name, v)
	}
	if t.container&byType != 0 {
		if t.typ == "" {
			t.typ = "@id"
		} else if t.typ != "@id" && t.typ != "@vocab" {
			return wrong("invalid type mapping", "%q: expected @id or @vocab for what is in a container by type, found %s", name, t.typ)
		}
	}
	return nil
}

// valid reports whether the containers go together.
func (c containers) valid() bool {
	switch rest := c &^ inSet; rest {
	case 0:
		return c != 0
	case inList:
		return c == inList
	case inGraph, byID, byIndex, byLanguage, byType, inGraph | byID, inGraph | byIndex:
		return true
	}
	return false
}

func (d *definer) fillIndex(t *termDefinition, name string, definition map[string]any) error {
	v, ok := definition["@index"]
	if !ok {
		return nil
	}
	text, isString := v.(string)
	if d.p.version10() || t.container&byIndex == 0 || !isString {
		return wrong("invalid term definition", "%q: @index stands beside the container @index alone, and is an IRI", name)
	}
	expanded, err := d.expand(text)
	if err == nil && !isAbsolute(expanded) {
		err = wrong("invalid term definition", "%q: expected an IRI for @index, found %q", name, text)
	}
	t.index = text
	return err
}

func (d *definer) fillContext(t *termDefinition, name string, definition map[string]any) error {
	v, ok := definition["@context"]
	if !ok {
		return nil
	}
	if d.p.version10() {
		return wrong("invalid term definition", "%q: contexts of terms came with JSON-LD 1.1", name)
	}
	t.context, t.hasContext, t.contextURL = v, true, d.local.url
	l := d.local
	l.override, l.unchecked, l.propagate = true, true, true
	// Only its form is looked at, so that what it builds on may still come.
	if _, err := d.p.process(d.c, v, l); err != nil {
		return scopedError(name, err)
	}
	return nil
}

// scopedError is the error of a context that a term has. What was asked of a loader, or is over a bound, stays what it is.
func scopedError(name string, err error) error {
	e, ok := err.(*Error) //nolint:errorlint // made by this package, never wrapped
	if !ok || e.Err != nil {
		return err
	}
	return wrong("invalid scoped context", "%q: %v", name, err)
}

func (d *definer) fillString(t *termDefinition, name string, definition map[string]any) error {
	if _, typed := definition["@type"]; typed {
		return nil
	}
	if v, ok := definition["@language"]; ok {
		text, isString := v.(string)
		if t.hasLanguage = true; isString {
			t.language = &text
		} else if v != nil {
			return wrong("invalid language mapping", "%q: expected a string, or null, found %s", name, kindOf(v))
		}
	}
	if v, ok := definition["@direction"]; ok {
		text, _ := v.(string)
		if t.hasDirection = true; text == "ltr" || text == "rtl" {
			t.direction = &text
		} else if v != nil {
			return wrong("invalid base direction", "%q: expected \"ltr\", \"rtl\" or null, found %v", name, v)
		}
	}
	return nil
}

func (d *definer) fillNest(t *termDefinition, name string, definition map[string]any) error {
	v, ok := definition["@nest"]
	if !ok {
		return nil
	}
	if d.p.version10() {
		return wrong("invalid term definition", "%q: @nest came with JSON-LD 1.1", name)
	}
	if t.nest, ok = v.(string); !ok || isKeyword(t.nest) && t.nest != "@nest" {
		return wrong("invalid @nest value", "%q: expected @nest or a term, found %v", name, v)
	}
	return nil
}

func (d *definer) fillPrefix(t *termDefinition, name string, definition map[string]any) error {
	v, ok := definition["@prefix"]
	if !ok {
		return nil
	}
	if d.p.version10() || strings.ContainsAny(name, ":/") {
		return wrong("invalid term definition", "%q: can't have @prefix", name)
	}
	if t.prefix, ok = v.(bool); !ok {
		return wrong("invalid @prefix value", "%q: expected true or false, found %s", name, kindOf(v))
	}
	if t.prefix && isKeyword(t.id) {
		return wrong("invalid term definition", "%q: a keyword can't be a prefix", name)
	}
	return nil
}

// members are those of an object, in the order of their names.
func members[V any](object map[string]V) []string { return slices.Sorted(maps.Keys(object)) }
