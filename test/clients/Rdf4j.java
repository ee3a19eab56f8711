import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.eclipse.rdf4j.model.BNode;
import org.eclipse.rdf4j.model.IRI;
import org.eclipse.rdf4j.model.Statement;
import org.eclipse.rdf4j.model.Value;
import org.eclipse.rdf4j.query.QueryEvaluationException;
import org.eclipse.rdf4j.query.QueryResults;
import org.eclipse.rdf4j.query.UpdateExecutionException;
import org.eclipse.rdf4j.repository.RepositoryConnection;
import org.eclipse.rdf4j.repository.sparql.SPARQLRepository;

/** What RDF4J's SPARQLRepository does with a node: Rdf4j URL. Each step that went well is a line of the output. */
class Rdf4j {
    static final int NUMBER = 20_000;
    static final String E = "http://rdf4j.example/", TEXT = "Grüße \"👋\"\n東京 \\ \té";

    static void step(String name, boolean good, Object found) {
        if (!good) {
            System.err.println(name + ": found " + found);
            System.exit(1);
        }
        System.out.println(name);
    }

    static long count(RepositoryConnection c, IRI graph) { return c.getStatements(null, null, null, graph).stream().count(); }

    public static void main(String[] args) {
        var repository = new SPARQLRepository(args[0] + "/sparql");
        try (var c = repository.getConnection()) {
            var values = c.getValueFactory();
            var graph = values.createIRI(E + "graph");
            var subject = values.createIRI(E + "ü");
            var says = values.createIRI(E + "says");
            Set<Value> texts = Set.of(values.createLiteral(TEXT), values.createLiteral("Grüß Gott", "de-AT"));
            c.begin();
            for (Value text : texts) c.add(subject, says, text, graph);
            c.commit();
            step("insert", count(c, graph) == 2, count(c, graph)); // its size() counts the default graph, whichever it is asked for
            Set<Value> found = new HashSet<>();
            for (Statement s : c.getStatements(subject, says, null, graph)) found.add(s.getObject());
            step("unicode", found.equals(texts), found);
            c.remove(subject, says, values.createLiteral(TEXT), graph);
            c.prepareUpdate("WITH <" + graph + "> DELETE { ?s ?p ?o } INSERT { ?s ?p \"hi\"@en } WHERE { ?s ?p ?o }").execute();
            var rows = QueryResults.asList(c.prepareTupleQuery("SELECT ?o { GRAPH <" + graph + "> { ?s ?p ?o } }").evaluate());
            step("update, select", rows.size() == 1 && rows.get(0).getValue("o").equals(values.createLiteral("hi", "en")), rows);
            step("ask", c.prepareBooleanQuery("ASK { GRAPH ?g { ?s ?p \"hi\"@en } }").evaluate() && !c.hasStatement(subject, says, values.createLiteral("ho"), false), null);
            var made = QueryResults.asList(c.prepareGraphQuery("CONSTRUCT { [] <" + E + "said> ?o } WHERE { GRAPH <" + graph + "> { ?s ?p ?o } }").evaluate());
            step("construct, blank", made.size() == 1 && made.get(0).getSubject() instanceof BNode, made);
            step("empty", QueryResults.asList(c.prepareTupleQuery("SELECT ?s { ?s <http://none.example/> ?o }").evaluate()).isEmpty(), null);
            try {
                c.prepareTupleQuery("SELECT ?s { ?s ?p }").evaluate();
                step("syntax", false, "no error");
            } catch (QueryEvaluationException e) { // a MalformedQueryException only where the body is text of RDF4J's own server
                step("syntax", e.getMessage().contains("\"code\":\"syntax\""), e);
            }
            try {
                c.prepareUpdate("INSERT DATA { <a> }").execute();
                step("syntax of an update", false, "no error");
            } catch (UpdateExecutionException e) {
                step("syntax of an update", e.getMessage().contains("\"code\":\"syntax\""), e);
            }
            var large = values.createIRI(E + "large");
            List<Statement> all = new ArrayList<>();
            for (int i = 0; i < NUMBER; i++) all.add(values.createStatement(values.createIRI(E + "s" + i), says, values.createLiteral(i)));
            c.begin();
            c.add(all, large);
            c.commit();
            Set<Value> numbers = new HashSet<>();
            for (var row : c.prepareTupleQuery("SELECT ?n { GRAPH <" + large + "> { ?s ?p ?n } }").evaluate()) numbers.add(row.getValue("n"));
            step("large", numbers.size() == NUMBER, numbers.size());
            c.clear(graph);
            step("clear", count(c, graph) == 0 && count(c, large) == NUMBER, count(c, graph));
        }
        repository.shutDown();
    }
}
