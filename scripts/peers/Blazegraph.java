import java.net.InetSocketAddress;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.webapp.WebAppContext;

/** Blazegraph's web application on a port of loopback: Blazegraph WAR PORT. */
public class Blazegraph {
	public static void main(String[] args) throws Exception {
		Server server = new Server(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[1])));
		WebAppContext app = new WebAppContext(args[0], "/bigdata");
		app.setParentLoaderPriority(true);
		server.setHandler(app);
		server.start();
		server.join();
	}
}
