import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.apache.jena.graph.Node;
import org.apache.jena.graph.Triple;
import org.apache.jena.query.Query;
import org.apache.jena.query.QueryFactory;
import org.apache.jena.query.Syntax;
import org.apache.jena.riot.Lang;
import org.apache.jena.riot.RDFParser;
import org.apache.jena.riot.lang.LabelToNode;
import org.apache.jena.riot.out.NodeFmtLib;
import org.apache.jena.sparql.core.DatasetGraph;
import org.apache.jena.sparql.core.DatasetGraphFactory;
import org.apache.jena.sparql.core.Quad;
import org.apache.jena.sparql.core.Var;
import org.apache.jena.sparql.engine.binding.Binding;
import org.apache.jena.sparql.exec.QueryExec;
import org.apache.jena.sparql.exec.RowSet;
import org.apache.jena.sparql.exec.UpdateExec;
import org.apache.jena.update.UpdateFactory;

/**
 * Answers queries and updates with Jena's ARQ. Requests and answers have the frame of oxigraph.py; a request is quads, a line "---"
 * and a query (Q) or an update (U), and its answer quads, too: rows are blank nodes whose properties are the variables.
 */
public class Jena {
	private static final String SEPARATOR = "---\n";
	private static final long MOST_SECONDS = 10;

	public static void main(String[] args) throws IOException {
		DataInputStream requests = new DataInputStream(System.in);
		DataOutputStream answers = new DataOutputStream(System.out);
		while (true) {
			int length;
			try {
				length = requests.readInt();
			} catch (EOFException ended) {
				return;
			}
			byte kind = requests.readByte();
			byte[] answer = answer(kind, new String(requests.readNBytes(length), StandardCharsets.UTF_8)).getBytes(StandardCharsets.UTF_8);
			answers.writeInt(answer.length);
			answers.write(answer);
			answers.flush();
		}
	}

	private static String answer(byte kind, String document) {
		try {
			int at = document.indexOf(SEPARATOR);
			if (at < 0) {
				return "-no line ---";
			}
			DatasetGraph data = DatasetGraphFactory.createTxnMem();
			RDFParser.fromString(document.substring(0, at), Lang.NQUADS).labelToNode(LabelToNode.createUseLabelAsGiven()).parse(data);
			String text = document.substring(at + SEPARATOR.length());
			return "+" + (kind == 'U' ? update(data, text) : query(data, text));
		} catch (Exception | StackOverflowError failed) {
			return "-" + failed;
		}
	}

	private static String update(DatasetGraph data, String text) {
		UpdateExec.dataset(data).update(UpdateFactory.create(text, Syntax.syntaxSPARQL_12)).execute();
		StringBuilder out = new StringBuilder();
		data.stream().forEach(q -> quad(out, q));
		return out.toString();
	}

	private static String query(DatasetGraph data, String text) {
		Query query = QueryFactory.create(text, Syntax.syntaxSPARQL_12);
		StringBuilder out = new StringBuilder();
		try (QueryExec exec = QueryExec.dataset(data).query(query).timeout(MOST_SECONDS, TimeUnit.SECONDS).build()) {
			if (query.isAskType()) {
				out.append("<answer:> <answer:> \"" + exec.ask() + "\" .\n");
			} else if (query.isConstructType()) {
				exec.construct().stream().forEach(t -> triple(out, t));
			} else {
				rows(out, exec.select());
			}
		}
		return out.toString();
	}

	private static void rows(StringBuilder out, RowSet rows) {
		for (Var name : rows.getResultVars()) {
			out.append("<answer:> <answer:> \"" + name.getVarName() + "\" .\n");
		}
		for (int n = 0; rows.hasNext(); n++) {
			Binding row = rows.next();
			out.append("_:row" + n + " <answer:> \"" + n + "\" .\n");
			for (Var name : rows.getResultVars()) {
				if (row.contains(name)) {
					out.append("_:row" + n + " <var:" + name.getVarName() + "> " + NodeFmtLib.strNT(row.get(name)) + " .\n");
				}
			}
		}
	}

	private static void triple(StringBuilder out, Triple t) {
		for (Node node : new Node[] {t.getSubject(), t.getPredicate(), t.getObject()}) {
			out.append(NodeFmtLib.strNT(node)).append(' ');
		}
		out.append(".\n");
	}

	private static void quad(StringBuilder out, Quad q) {
		for (Node node : new Node[] {q.getSubject(), q.getPredicate(), q.getObject()}) {
			out.append(NodeFmtLib.strNT(node)).append(' ');
		}
		if (!q.isDefaultGraph()) {
			out.append(NodeFmtLib.strNT(q.getGraph())).append(' ');
		}
		out.append(".\n");
	}
}
