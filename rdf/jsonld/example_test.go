package jsonld_test

import (
	"errors"
	"fmt"
	"testing/fstest"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
)

const reading = `{
  "@context": "https://plant.example/context",
  "@id": "http://plant.example/o/1",
  "result": 21.5,
  "sensor": {"unit": "Cel"}
}`

func ExampleParse() {
	folder := fstest.MapFS{ // on disk: os.DirFS
		"contexts.json": {Data: []byte(`{"https://plant.example/context": "plant.jsonld"}`)},
		"plant.jsonld":  {Data: []byte(`{"@context": {"@vocab": "http://plant.example/#"}}`)},
	}
	contexts, err := jsonld.Folder(folder)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = jsonld.Parse([]byte(reading), func(q rdf.Quad) error {
		fmt.Println(q)
		return nil
	}, jsonld.Contexts(contexts), jsonld.File("reading.jsonld"), jsonld.BlankPrefix("doc7-"))
	fmt.Println(err)
	// Output:
	// <http://plant.example/o/1> <http://plant.example/#result> "2.15E1"^^<http://www.w3.org/2001/XMLSchema#double> .
	// _:doc7-b0 <http://plant.example/#unit> "Cel" .
	// <http://plant.example/o/1> <http://plant.example/#sensor> _:doc7-b0 .
	// <nil>
}

func ExampleError() {
	err := jsonld.Parse([]byte(reading), func(rdf.Quad) error { return nil }, jsonld.File("reading.jsonld"))
	fmt.Println(errors.Is(err, jsonld.ErrContext))
	var e *jsonld.Error
	if errors.As(err, &e) {
		fmt.Println(e.Code)
	}
	// Output:
	// true
	// loading remote context failed
}

func ExampleMarshal() {
	q := rdf.Quad{S: rdf.Trusted("<http://plant.example/s1>"), P: rdf.Trusted("<http://plant.example/#unit>"),
		O: rdf.Trusted(`"Cel"`)}
	expanded, err := jsonld.Marshal([]rdf.Quad{q})
	fmt.Println(string(expanded), err)
	compacted, err := jsonld.Marshal([]rdf.Quad{q},
		jsonld.Context([]byte(`{"@context": {"@vocab": "http://plant.example/#"}}`)))
	fmt.Println(string(compacted), err)
	// Output:
	// [{"@id":"http://plant.example/s1","http://plant.example/#unit":[{"@value":"Cel"}]}] <nil>
	// {"@context":{"@vocab":"http://plant.example/#"},"@id":"http://plant.example/s1","unit":"Cel"} <nil>
}
