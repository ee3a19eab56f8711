package rdf_test

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
)

// TestEncodeIRI: what is not reserved stays, the rest is encoded byte by byte.
func TestEncodeIRI(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "azAZ09-._~": "azAZ09-._~", "a b/c?d#e%f": "a%20b%2Fc%3Fd%23e%25f", "ns=2;s=Öfen": "ns%3D2%3Bs%3DÖfen",
		"\u00a0\ud7ff": "\u00a0\ud7ff", "\u009f": "%C2%9F", "\ue000": "%EE%80%80", "\uf8ff": "%EF%A3%BF", "\uf900": "\uf900",
		"\ufdcf\ufdf0": "\ufdcf\ufdf0", "\ufdd0": "%EF%B7%90", "\ufdef": "%EF%B7%AF", "\uffef": "\uffef", "\ufff0": "%EF%BF%B0",
		"\uffff": "%EF%BF%BF", "\U00010000\U0001fffd": "\U00010000\U0001fffd", "\U0001fffe": "%F0%9F%BF%BE",
		"\U000dfffd": "\U000dfffd", "\U000e0000": "%F3%A0%80%80", "\U000e0fff": "%F3%A0%BF%BF", "\U000e1000": "\U000e1000",
		"\U000efffd": "\U000efffd", "\U000f0000": "%F3%B0%80%80", "a\xffb\xc3": "a%FFb%C3",
	} {
		if got := rdf.EncodeIRI(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestEncodedIRI: any text can be a part of an IRI, and is found in it again.
func TestEncodedIRI(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		encoded := rdf.EncodeIRI(text)
		if err := rdf.CheckIRI("urn:x:" + encoded); err != nil || !utf8.ValidString(encoded) || strings.ContainsAny(encoded, ":/?#[]@!$&'()*+,;=") {
			t.Fatalf("%q: %q, %v", text, encoded, err)
		}
		if back, err := url.PathUnescape(encoded); err != nil || back != text {
			t.Fatalf("%q: %q, %v", text, back, err)
		}
	})
}
