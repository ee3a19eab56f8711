package mapping

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestUnknownNames: a name that a vocabulary of the W3C doesn't have is told, with the nearest; a template isn't looked at.
func TestUnknownNames(t *testing.T) {
	for object, want := range map[string]string{
		"[urn:p, $(v), xsd:dubble]":                                  "there is no xsd:dubble; the nearest is xsd:double",
		"[urn:p, $(v), xsd:Integer]":                                 "there is no xsd:Integer; the nearest is xsd:integer",
		`[urn:p, $(v), "http://www.w3.org/2001/XMLSchema#datetime"]`: "the nearest is xsd:dateTime",
		"[urn:p, $(v), rdf:Json]":                                    "there is no rdf:Json; the nearest is rdf:JSON",
		"[urn:p, $(v), rdf:type]":                                    "there is no rdf:type; the nearest is",
		"[urn:p, $(v), rdfs:Litteral]":                               "there is no rdfs:Litteral; the nearest is rdfs:Literal",
		"[rdfs:lable, $(v)]":                                         "there is no rdfs:lable; the nearest is rdfs:label",
		"[rdf:tipe, urn:c~iri]":                                      "there is no rdf:tipe; the nearest is rdf:type",
		"[a, owl:class]":                                             "there is no owl:class; the nearest is owl:Class",
		"{p: urn:p, o: $(v), graphs: rdf:nul}":                       "there is no rdf:nul; the nearest is rdf:nil",
		"[urn:p, $(v), xsd:double]":                                  "",
		"[urn:p, $(v), rdf:HTML]":                                    "",
		"[urn:p, $(v), rdfs:Literal]":                                "",
		"[rdf:_12, $(v)]":                                            "",
		`["rdfs:$(v)", $(v)]`:                                        "",
		"[rdfs:label, $(v)]":                                         "",
		`[urn:p, "http://www.w3.org/2001/XMLSchema#~iri"]`:           "",
		"[urn:p, $(v), urn:dubble]":                                  "",
		"[urn:p, urn:x~iri]":                                         "",
	} {
		var node yaml.Node
		if err := yaml.Unmarshal([]byte("m: {s: urn:s, po: ["+object+"]}"), &node); err != nil {
			t.Fatal(object, err)
		}
		_, mistakes := Declaration{Mappings: node.Content[0]}.Compile()
		if text := fmt.Sprint(mistakes); (want == "") != (len(mistakes) == 0) || !strings.Contains(text, want) {
			t.Errorf("%s: %s, want %q", object, text, want)
		}
	}
}

// TestKeys: each key has its row in the manual, with its other names, and its words for config explain.
func TestKeys(t *testing.T) {
	manual, err := os.ReadFile("../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range Keys() {
		if k.Takes == "" || !strings.HasSuffix(k.Help, ".") || !strings.Contains(string(manual), "`"+k.first+"`") {
			t.Errorf("%+v", k)
		}
		for _, other := range k.Also() {
			if !strings.Contains(string(manual), "`"+other+"`") {
				t.Errorf("%s: the manual doesn't name %s", k.Name, other)
			}
		}
	}
	if len(ruleKeys) < 10 || pairKeys["predicate"] != "p" || objectKeys["value"] != "value" {
		t.Errorf("%v %v %v", ruleKeys, pairKeys, objectKeys)
	}
}
