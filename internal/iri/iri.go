// Package iri resolves references as RFC 3986, section 5.2, says, strictly, and changes nothing else of them.
package iri

import (
	"bytes"
	"strings"
)

// Base is an absolute IRI, cut into the parts that references are resolved with. The zero Base is none.
type Base struct {
	known bool
	parts
}

// Known reports whether there is a base.
func (b *Base) Known() bool { return b.known }

// parts are those of an IRI or a reference. Each has its delimiter: "scheme:", "//authority", "?query", "#fragment".
type parts struct{ scheme, authority, path, query, fragment string }

// Set makes an absolute IRI the base.
func (b *Base) Set(iri string) { *b = Base{known: true, parts: split(strings.Clone(iri))} }

// split cuts a reference as the expression of RFC 3986, appendix B, does.
func split(iri string) (p parts) {
	if i := strings.IndexAny(iri, ":/?#"); i > 0 && iri[i] == ':' {
		p.scheme, iri = iri[:i+1], iri[i+1:]
	}
	if i := strings.IndexByte(iri, '#'); i >= 0 {
		iri, p.fragment = iri[:i], iri[i:]
	}
	if i := strings.IndexByte(iri, '?'); i >= 0 {
		iri, p.query = iri[:i], iri[i:]
	}
	if strings.HasPrefix(iri, "//") {
		end := len(iri)
		if i := strings.IndexByte(iri[2:], '/'); i >= 0 {
			end = 2 + i
		}
		p.authority, iri = iri[:end], iri[end:]
	}
	p.path = iri
	return p
}

// IsReference reports whether an IRI that has no scheme is a relative reference: its first segment has no colon.
func IsReference(iri string) bool {
	i := strings.IndexAny(iri, ":/?#")
	return i < 0 || iri[i] != ':'
}

// Resolve appends the IRI that a relative reference means (RFC 3986, section 5.2.2). It reports false if that can't be
// written: a path that begins with two slashes, without an authority before it.
func (b *Base) Resolve(dst []byte, reference string) ([]byte, bool) {
	r := split(reference)
	dst = append(dst, b.scheme...)
	query, authority := r.query, r.authority
	if authority == "" {
		authority = b.authority
	}
	dst = append(dst, authority...)
	from := len(dst)
	switch {
	case r.authority == "" && r.path == "":
		dst = append(dst, b.path...)
		if query == "" {
			query = b.query
		}
	case r.authority != "" || r.path[0] == '/':
		dst = appendPath(dst, "", r.path)
	case b.authority != "" && b.path == "":
		dst = appendPath(dst, "/", r.path)
	default:
		dst = appendPath(dst, b.path[:strings.LastIndexByte(b.path, '/')+1], r.path)
	}
	ok := authority != "" || !bytes.HasPrefix(dst[from:], []byte("//"))
	dst = append(dst, query...)
	return append(dst, r.fragment...), ok
}

// appendPath appends a path without the segments "." and "..".
func appendPath(dst []byte, folder, path string) []byte {
	from := len(dst)
	dst = append(dst, folder...)
	dst = append(dst, path...)
	if path := dst[from:]; bytes.Contains(path, []byte("/.")) || len(path) > 0 && path[0] == '.' {
		return dst[:from+removeDots(path)]
	}
	return dst
}

// removeDots is remove_dot_segments of RFC 3986, section 5.2.4, in place. It returns the length.
func removeDots(in []byte) int {
	out := in[:0]
	for len(in) > 0 {
		switch path := string(in); {
		case strings.HasPrefix(path, "../"):
			in = in[3:]
		case strings.HasPrefix(path, "./"), strings.HasPrefix(path, "/./"):
			in = in[2:]
		case path == "/.":
			in = in[:1]
		case strings.HasPrefix(path, "/../"):
			in = in[3:]
			out = out[:max(0, bytes.LastIndexByte(out, '/'))]
		case path == "/..":
			in = in[:1]
			out = out[:max(0, bytes.LastIndexByte(out, '/'))]
		case path == ".", path == "..":
			in = nil
		default:
			n := len(in)
			if i := strings.IndexByte(path[1:], '/'); i >= 0 {
				n = 1 + i
			}
			out = append(out, in[:n]...)
			in = in[n:]
		}
	}
	return len(out)
}
