package api

import (
	"net/http"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/sparql/results"
)

const (
	rdfType = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
	sd      = "http://www.w3.org/ns/sparql-service-description#"
	formats = "http://www.w3.org/ns/formats/"
)

// formatNames are the names of formats in http://www.w3.org/ns/formats/.
var (
	resultNames = map[results.Format]string{results.JSON: "SPARQL_Results_JSON", results.XML: "SPARQL_Results_XML",
		results.CSV: "SPARQL_Results_CSV", results.TSV: "SPARQL_Results_TSV"}
	dataNames = map[rdfio.Format]string{rdfio.Turtle: "Turtle", rdfio.NTriples: "N-Triples", rdfio.JSONLD: "JSON-LD", rdfio.TriG: "TriG",
		rdfio.NQuads: "N-Quads", rdfio.RDFXML: "RDF_XML"}
)

// describeService gives out the description of the service (SPARQL 1.1 Service Description).
func (a *API) describeService(w http.ResponseWriter, r *http.Request) *problem {
	media, p := acceptable(r.Header.Values("Accept"), tripleTypes, sparqlPath)
	if p != nil {
		return p
	}
	out := a.newAnswer(w, r)
	out.start(media)
	if r.Method == http.MethodHead {
		return nil
	}
	format, _ := rdfio.Parse(media) // it is one of ours
	var err error
	prefix := rdfio.WithPrefixes(turtle.Prefix{Name: "sd", IRI: sd}, turtle.Prefix{Name: "formats", IRI: formats})
	if out.triples, out.release, err = a.node.NewDataWriter(out.out, format, prefix); err == nil {
		defer out.release()
		for _, t := range serviceDescription(baseOf(r)) {
			if err == nil {
				err = out.Triple(t)
			}
		}
	}
	return out.end(err)
}

// serviceDescription is what the service at an address can do.
func serviceDescription(endpoint string) (all []rdf.Triple) {
	blank := func(label string) rdf.Term { return rdf.Trusted("_:" + label) }
	iri := func(text string) rdf.Term { return rdf.Trusted("<" + text + ">") }
	say := func(s rdf.Term, p string, o rdf.Term) { all = append(all, rdf.Triple{S: s, P: iri(p), O: o}) }
	service, dataset, graph := blank("service"), blank("dataset"), blank("graph")
	say(service, rdfType, iri(sd+"Service"))
	say(service, sd+"endpoint", iri(endpoint))
	for _, language := range []string{"SPARQL11Query", "SPARQL11Update"} {
		say(service, sd+"supportedLanguage", iri(sd+language))
	}
	for _, name := range sortedValues(resultNames) {
		say(service, sd+"resultFormat", iri(formats+name))
	}
	for _, name := range sortedValues(dataNames) {
		say(service, sd+"resultFormat", iri(formats+name))
	}
	say(service, sd+"defaultDataset", dataset)
	say(dataset, rdfType, iri(sd+"Dataset"))
	say(dataset, sd+"defaultGraph", graph)
	say(graph, rdfType, iri(sd+"Graph"))
	return all
}
