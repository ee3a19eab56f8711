import java.util.HashSet;
import java.util.Set;
import org.apache.jena.atlas.web.HttpException;
import org.apache.jena.query.QueryException;
import org.apache.jena.rdf.model.Model;
import org.apache.jena.rdf.model.ModelFactory;
import org.apache.jena.rdfconnection.RDFConnection;
import org.apache.jena.rdfconnection.RDFConnectionRemote;

/** What Jena's RDFConnection does with a node: Jena URL. Each step that went well is a line of the output. */
class Jena {
    static final int NUMBER = 20_000;
    static final String E = "http://jena.example/", TEXT = "Grüße \"👋\"\n東京 \\ \té";

    static void step(String name, boolean good, Object found) {
        if (!good) {
            System.err.println(name + ": found " + found);
            System.exit(1);
        }
        System.out.println(name);
    }

    interface Call { void run(); }

    static void refused(String name, Call call) {
        try {
            call.run();
        } catch (HttpException e) {
            step(name, e.toString().contains("400"), e);
            return;
        } catch (QueryException e) {
            step(name, e.toString().contains("400"), e);
            return;
        }
        step(name, false, "no error");
    }

    static Model large() {
        Model m = ModelFactory.createDefaultModel();
        for (int i = 0; i < NUMBER; i++) m.add(m.createResource(E + "s" + i), m.createProperty(E + "n"), m.createTypedLiteral(i));
        return m;
    }

    public static void main(String[] args) {
        var builder = RDFConnectionRemote.newBuilder().destination(args[0]).queryEndpoint("sparql").updateEndpoint("sparql").gspEndpoint("data")
            .parseCheckSPARQL(false);
        try (RDFConnection c = builder.build()) {
            Model m = ModelFactory.createDefaultModel();
            var says = m.createProperty(E + "says");
            m.createResource(E + "ü").addProperty(says, TEXT).addProperty(says, "Grüß Gott", "de-AT");
            m.createResource(E + "b").addProperty(m.createProperty(E + "has"), m.createResource().addProperty(says, "in"));
            c.put(E + "graph", m);
            step("graph put", true, null);
            step("unicode, blank", c.fetch(E + "graph").isIsomorphicWith(m), c.fetch(E + "graph"));
            Model more = ModelFactory.createDefaultModel();
            more.createResource(E + "more").addProperty(says, "more");
            c.load(E + "graph", more);
            step("graph load", c.fetch(E + "graph").isIsomorphicWith(m.add(more)), c.fetch(E + "graph"));
            c.delete(E + "graph");
            refused404(() -> c.fetch(E + "graph"));
            c.update("INSERT DATA { <" + E + "u> <" + E + "says> \"ho\"@en, \"Grüße 東京\" }");
            c.update("DELETE { ?s ?p ?o } INSERT { ?s ?p \"hi\"@en } WHERE { BIND(<" + E + "u> AS ?s) ?s ?p ?o FILTER(LANG(?o) = \"en\") }");
            Set<String> found = new HashSet<>();
            c.querySelect("SELECT ?o { <" + E + "u> ?p ?o }", row -> found.add(row.getLiteral("o").getString() + "@" + row.getLiteral("o").getLanguage()));
            step("insert, update, select", found.equals(Set.of("hi@en", "Grüße 東京@")), found);
            step("ask", c.queryAsk("ASK { <" + E + "u> ?p \"hi\"@en }") && !c.queryAsk("ASK { <" + E + "u> ?p \"ho\"@en }"), null);
            Model made = c.queryConstruct("CONSTRUCT { [] <" + E + "said> ?o } WHERE { <" + E + "u> ?p ?o }");
            step("construct", made.size() == 2 && made.listSubjects().nextResource().isAnon(), made);
            step("describe", c.queryDescribe("DESCRIBE <" + E + "u>").size() == 2, null);
            int[] rows = {0};
            c.querySelect("SELECT ?s { ?s <http://none.example/> ?o }", row -> rows[0]++);
            step("empty", rows[0] == 0, rows[0]);
            refused("syntax", () -> c.querySelect("SELECT ?s { ?s ?p }", row -> { }));
            refused("syntax of an update", () -> c.update("INSERT DATA { <a> }"));
            c.put(E + "large", large());
            c.querySelect("SELECT DISTINCT ?n { GRAPH <" + E + "large> { ?s ?p ?n } }", row -> rows[0]++);
            step("large", rows[0] == NUMBER && c.fetch(E + "large").isIsomorphicWith(large()), rows[0]);
        }
    }

    static void refused404(Call call) {
        try {
            call.run();
        } catch (HttpException e) {
            step("graph delete", e.getStatusCode() == 404, e);
            return;
        }
        step("graph delete", false, "no error");
    }
}
