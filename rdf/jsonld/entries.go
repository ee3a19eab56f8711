package jsonld

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/quadrille-stream/quadrille/rdf"
)

// keyword expands a member that is a keyword, or an alias of one.
func (e *element) keyword(name, keyword string, v any) error {
	if e.outer == "@reverse" {
		return wrong("invalid reverse property map", "unexpected %s", name)
	}
	if has(e.result, keyword) && keyword != "@included" && keyword != "@type" {
		return wrong("colliding keywords", "%s is there twice", keyword)
	}
	expanded, err := e.keywordValue(keyword, v)
	if err == nil && expanded != nil {
		e.result[keyword] = expanded
	}
	return err
}

// keywordValue returns what a keyword gets; nil if that is nothing, or is there already.
func (e *element) keywordValue(keyword string, v any) (any, error) {
	p := e.p
	text, isString := v.(string)
	switch keyword {
	case "@id":
		return e.id(v)
	case "@type":
		return e.typeValue(v)
	case "@graph":
		graph, err := p.expand(e.active, "@graph", v, false)
		return array(graph), err
	case "@included":
		return e.included(v)
	case "@value":
		return nil, e.setValue(v)
	case "@language":
		if !isString {
			return nil, wrong("invalid language-tagged string", "expected a string for @language, found %s", kindOf(v))
		}
	case "@direction":
		if p.version10() {
			return nil, nil
		}
		if text != "ltr" && text != "rtl" {
			return nil, wrong("invalid base direction", "expected \"ltr\" or \"rtl\", found %v", v)
		}
	case "@index":
		if !isString {
			return nil, wrong("invalid @index value", "expected a string, found %s", kindOf(v))
		}
	case "@list":
		if atTop(e.property) {
			return nil, p.o.dropped(rdf.ErrInvalid, "@list stands where a node is expected")
		}
		list, err := p.expand(e.active, e.property, v, false)
		return array(list), err
	case "@set":
		set, err := p.expand(e.active, e.property, v, false)
		return set, err
	case "@reverse":
		return nil, e.reverseMap(v)
	default:
		return nil, e.lostKeyword(keyword)
	}
	return v, nil
}

// lostKeyword is called for a keyword that has no meaning in a document.
func (e *element) lostKeyword(keyword string) error {
	return e.p.o.dropped(rdf.ErrInvalid, "member %q has no meaning here; it would be lost", keyword)
}

// array makes an array of what is none. nil is an empty one.
func array(v any) []any {
	if all := items(v); all != nil {
		return all
	}
	return []any{}
}

func (e *element) id(v any) (any, error) {
	text, ok := v.(string)
	if !ok {
		return nil, wrong("invalid @id value", "expected an IRI, found %s", kindOf(v))
	}
	id, err := e.p.expandIRI(e.active, text, relative)
	if err == nil && id == "" && text != "" {
		err = e.p.o.dropped(rdf.ErrInvalid, "@id %q looks like a keyword, and there is none such", text)
	}
	return id, err // "" is left out with all that it stands in
}

func (e *element) typeValue(v any) (any, error) {
	var types []any
	for _, item := range items(v) {
		text, ok := item.(string)
		if !ok {
			return nil, wrong("invalid type value", "expected IRIs for @type, found %s", kindOf(item))
		}
		expanded, err := e.p.expandIRI(e.types, text, relative|inVocab)
		if err == nil && expanded == "" && e.types.term(text) == nil {
			err = e.p.o.dropped(rdf.ErrInvalid, "@type %q looks like a keyword, and there is none such", text)
		}
		if err != nil {
			return nil, err
		}
		if expanded != "" {
			types = append(types, expanded)
		}
	}
	if v == nil {
		return nil, wrong("invalid type value", "expected IRIs for @type, found null")
	}
	if _, isArray := v.([]any); !isArray && !has(e.result, "@type") && len(types) == 1 {
		return types[0], nil
	}
	return append(items(e.result["@type"]), types...), nil
}

func (e *element) included(v any) (any, error) {
	if e.p.version10() {
		return nil, nil
	}
	expanded, err := e.p.expand(e.active, noProperty, v, false)
	if err != nil {
		return nil, err
	}
	all := array(expanded)
	for _, item := range all {
		if object, ok := item.(map[string]any); !ok || has(object, "@value") || has(object, "@list") || has(object, "@set") {
			return nil, wrong("invalid @included value", "expected nodes")
		}
	}
	if _, many := v.([]any); len(all) == 0 && !many { // in an array, what is no node has been left out
		return nil, wrong("invalid @included value", "expected nodes, found none")
	}
	return append(items(e.result["@included"]), all...), nil
}

func (e *element) setValue(v any) error {
	switch v.(type) {
	case nil, string, bool, json.Number, float64:
	default:
		if !e.json {
			return wrong("invalid value object value", "expected a scalar for @value, found %s", kindOf(v))
		}
	}
	if e.json && e.p.version10() {
		return wrong("invalid value object value", "@json came with JSON-LD 1.1")
	}
	e.result["@value"] = v
	return nil
}

func (e *element) reverseMap(v any) error {
	if _, ok := v.(map[string]any); !ok {
		return wrong("invalid @reverse value", "expected an object, found %s", kindOf(v))
	}
	expanded, err := e.p.expand(e.active, "@reverse", v, false)
	if err != nil {
		return err
	}
	properties, _ := expanded.(map[string]any)
	for _, property := range members(properties) {
		if property != "@reverse" {
			if err := e.reversed(property, properties[property]); err != nil {
				return err
			}
			continue
		}
		forward, _ := properties[property].(map[string]any)
		for _, property := range members(forward) {
			add(e.result, property, forward[property])
		}
	}
	return nil
}

// member expands a property.
func (e *element) member(name, property string, v any) error {
	t := e.active.term(name)
	if t == nil {
		t = &termDefinition{}
	}
	expanded, err := e.memberValue(name, t, v)
	if err != nil || expanded == nil {
		return err
	}
	if object, ok := expanded.(map[string]any); t.container&inList != 0 && !(ok && has(object, "@list")) {
		expanded = map[string]any{"@list": array(expanded)}
	}
	if t.container&inGraph != 0 && t.container&(byID|byIndex) == 0 {
		graphs := []any{}
		for _, graph := range items(expanded) {
			graphs = append(graphs, map[string]any{"@graph": array(graph)})
		}
		expanded = graphs
	}
	if t.reverse {
		return e.reversed(property, expanded)
	}
	add(e.result, property, expanded)
	return nil
}

func (e *element) memberValue(name string, t *termDefinition, v any) (any, error) {
	if t.typ == "@json" {
		return map[string]any{"@value": v, "@type": "@json"}, nil
	}
	object, ok := v.(map[string]any)
	switch {
	case ok && t.container&byLanguage != 0:
		return e.languageMap(name, t, object)
	case ok && t.container&(byIndex|byID|byType) != 0:
		return e.indexMap(name, t, object)
	}
	return e.p.expand(e.active, name, v, false)
}

func (e *element) languageMap(name string, t *termDefinition, object map[string]any) (any, error) {
	active, err := e.p.scoped(e.active, name)
	if err != nil {
		return nil, err
	}
	all := []any{}
	direction := directionOf(active, t)
	for _, language := range members(object) {
		expanded, err := e.p.expandIRI(active, language, inVocab)
		if err != nil {
			return nil, err
		}
		for _, item := range items(object[language]) {
			if item == nil {
				continue
			}
			if _, ok := item.(string); !ok {
				return nil, wrong("invalid language map value", "%q: expected a string, found %s", name, kindOf(item))
			}
			value := map[string]any{"@value": item}
			if expanded != "@none" {
				value["@language"] = language
			}
			if direction != "" {
				value["@direction"] = direction
			}
			all = append(all, value)
		}
	}
	return all, nil
}

// indexMap expands a map by index, id or type.
func (e *element) indexMap(name string, t *termDefinition, object map[string]any) (any, error) {
	all := []any{}
	for _, index := range members(object) {
		active := e.active
		if t.container&(byID|byType) != 0 && active.previous != nil {
			active = active.previous
		}
		if scoped := active.term(index); t.container&byType != 0 && scoped != nil && scoped.hasContext {
			var err error
			if active, err = e.p.termContext(active, index, scoped, false, true); err != nil {
				return nil, err
			}
		}
		values, err := e.p.expand(active, name, array(object[index]), true)
		if err != nil {
			return nil, err
		}
		for _, item := range items(values) {
			indexed, err := e.indexed(t, index, item)
			if err != nil {
				return nil, err
			}
			all = append(all, indexed)
		}
	}
	return all, nil
}

// indexed gives an item of a map its id, type or index.
func (e *element) indexed(t *termDefinition, index string, v any) (any, error) {
	item, ok := v.(map[string]any)
	if !ok {
		return nil, wrong("invalid value object", "expected an object in a map, found %s", kindOf(v))
	}
	if t.container&inGraph != 0 && !isGraph(item) {
		item = map[string]any{"@graph": []any{item}}
	}
	expanded, err := e.p.expandIRI(e.active, index, inVocab)
	if err != nil || expanded == "@none" {
		return item, err
	}
	switch {
	case t.container&byIndex != 0 && t.index != "" && t.index != "@index":
		return item, e.indexProperty(t, index, item)
	case t.container&byIndex != 0:
		if !has(item, "@index") {
			item["@index"] = index
		}
	case t.container&byID != 0:
		if id, err := e.p.expandIRI(e.active, index, relative); err != nil {
			return nil, err
		} else if !has(item, "@id") {
			item["@id"] = id
		}
	default:
		item["@type"] = append([]any{expanded}, items(item["@type"])...)
	}
	return item, nil
}

// indexProperty puts the index of a map into the property that the term says.
func (e *element) indexProperty(t *termDefinition, index string, item map[string]any) error {
	v, err := e.p.value(e.active, t.index, index)
	if err != nil {
		return err
	}
	property, err := e.p.expandIRI(e.active, t.index, inVocab)
	if err != nil {
		return err
	}
	if has(item, "@value") {
		return wrong("invalid value object", "a value can't have the property %q", t.index)
	}
	item[property] = append([]any{v}, items(item[property])...)
	return nil
}

// isGraph reports whether an object has a graph, and of other members its name and index alone.
func isGraph(object map[string]any) bool {
	for name := range object {
		if name != "@graph" && name != "@id" && name != "@index" {
			return false
		}
	}
	return has(object, "@graph")
}

// finish returns what the object expanded to; nil if it is left out.
func (e *element) finish() (any, error) {
	result := e.result
	switch {
	case has(result, "@value"):
		v, err := e.finishValue()
		if v == nil || err != nil {
			return nil, err
		}
	case has(result, "@type"):
		result["@type"] = array(result["@type"])
	case has(result, "@set") || has(result, "@list"):
		for name := range result {
			if name != "@set" && name != "@list" && name != "@index" || has(result, "@set") && has(result, "@list") {
				return nil, wrong("invalid set or list object", "unexpected %q", name)
			}
		}
		if has(result, "@set") {
			return result["@set"], nil
		}
	}
	if has(result, "@language") && len(result) == 1 {
		return nil, nil
	}
	if atTop(e.property) && (len(result) == 0 || has(result, "@value") || has(result, "@list") || has(result, "@id") && len(result) == 1) {
		if has(result, "@value") || has(result, "@list") {
			return nil, e.p.o.dropped(rdf.ErrInvalid, "a value stands where a node is expected")
		}
		return nil, nil
	}
	return result, nil
}

// finishValue checks a value object. It returns nil if that is to be left out.
func (e *element) finishValue() (any, error) {
	result := e.result
	for name := range maps.Keys(result) {
		if !slices.Contains([]string{"@value", "@type", "@language", "@direction", "@index"}, name) {
			return nil, wrong("invalid value object", "unexpected %q", name)
		}
	}
	if has(result, "@type") && (has(result, "@language") || has(result, "@direction")) {
		return nil, wrong("invalid value object", "a value has either a type or a language and direction")
	}
	if result["@type"] == "@json" {
		return result, nil
	}
	if result["@value"] == nil {
		return nil, nil
	}
	if _, isString := result["@value"].(string); !isString && has(result, "@language") {
		return nil, wrong("invalid language-tagged value", "expected a string, found %s", kindOf(result["@value"]))
	}
	if datatype, ok := result["@type"]; ok {
		if text, ok := datatype.(string); !ok || !isAbsolute(text) {
			return nil, wrong("invalid typed value", "expected an IRI for @type, found %v", datatype)
		}
	}
	return result, nil
}
