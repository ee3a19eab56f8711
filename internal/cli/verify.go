package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/connector/sparql"
	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/internal/verify"
	"github.com/quadrille-stream/quadrille/patch"
)

// verifyCommand looks for damage: in the data folders of nodes that are stopped, or in those of all nodes of a pipeline while
// they run.
type verifyCommand struct {
	Data []string `env:"-" placeholder:"DIR" help:"Data folder of a node that is stopped; several are compared. Without it nodes that run are asked."`
	questionFlags

	Against       *string  `env:"-" placeholder:"URL" help:"Compare the shards with a SPARQL store that a sink feeds: the address at which it takes queries, such as http://127.0.0.1:3030/ds."`
	Graph         []string `env:"-" placeholder:"IRI" help:"IRI of a graph to compare with --against; several are; default is the default graph. Without it all graphs are."`
	Mend          bool     `env:"-" help:"Make the store what the shards are."`
	StoreUpdate   string   `env:"-" placeholder:"URL" help:"Address at which the store takes updates, for --mend. Default: that for queries."`
	StoreUser     string   `env:"-" placeholder:"NAME" help:"User of the store."`
	StorePassword string   `placeholder:"PASSWORD" help:"The user's password; rather set it by the environment."`
	StoreToken    string   `placeholder:"TOKEN" help:"Bearer token of the store; rather set it by the environment."`
	StoreCA       string   `name:"store-ca" env:"-" placeholder:"FILE" help:"PEM file of the certificates to trust for the store."`
	BlankPrefix   string   `env:"-" default:"urn:quadrille:blank:" placeholder:"TEXT" help:"What the IRIs begin with that stand for blank nodes in the store."`
}

// Help implements [kong.HelpProvider].
func (verifyCommand) Help() string {
	return `Reads every log on every replica: the checksum of each record in the engine's files, that each names the one before it, the
hash chain of the shards' logs, the control log, the snapshots, and whether the logs go as far as nodes know for certain
(marks). It writes nothing.

  quadrille verify --url http://127.0.0.1:7375
  quadrille verify --data n1-data
  quadrille verify --data n1-data --data n2-data --data n3-data --json

With --data the nodes are stopped, and of several folders, which are the copies of one cluster, the logs are compared.
Otherwise one node is asked, and then every member at the address that it shows, while they run: each reads its own replica
from its own files, and the reports are compared. A node whose engine others run (--nats) reads through that, which doesn't
tell replicas apart.

With --against the quads of all shards, of the pipeline of the node at --url, are compared with a SPARQL store that a sink feeds,
while both run: what differs in three looks in a row is named, and exit status 1 says so: D is what the store has beside the shards,
A what it lacks. --mend then makes the store what the shards are; best when little is written. --against is what the sink has as
query, the address at which the store takes queries, and --store-update what it has as update, if that is another:

  quadrille verify --against http://HOST:3030/DATASET            # Fuseki
  quadrille verify --against http://HOST:7878/query --store-update http://HOST:7878/update --mend   # Oxigraph
  quadrille verify --against https://HOST/rdf4j-server/repositories/ID                  # RDF4J
  quadrille verify --against http://HOST:3030/DATASET --graph default --graph urn:plant  # these two graphs

A copy that ends before another is behind, which is no damage: it catches up. Exit status 1 if anything is damaged, or if a
member did not answer, as it is not verified then. What is damaged is set aside when the node is started; see its log.`
}

// Run checks folders, or asks nodes.
func (c *verifyCommand) Run(ctx context.Context, std *streams) error {
	if err := c.check(); err != nil {
		return err
	}
	if len(c.Data) > 0 {
		done, err := verify.CheckFolders(ctx, c.Data, std.err)
		if err != nil {
			return err
		}
		if err := tell(c, std, done, writeFolders); err != nil {
			return err
		}
		return done.Err()
	}
	cl, err := c.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	if c.Against != nil {
		return c.compare(ctx, cl, std)
	}
	done, err := verify.CheckNodes(ctx, cl, c.URL, c.Patience)
	if err != nil {
		return err
	}
	if err := tell(c, std, done, writeNodes); err != nil {
		return err
	}
	return done.Err()
}

// check refuses flags of which one is of no use with the other.
func (c *verifyCommand) check() error {
	forStore := c.Mend || len(c.Graph) > 0 || c.StoreUpdate+c.StoreUser+c.StoreCA != ""
	switch {
	case c.Against == nil && forStore:
		return usagef("--mend, --graph and --store-… are about the store of --against URL, which is missing; %s", storeAddress)
	case c.Against != nil && len(c.Data) > 0:
		return usagef("--against compares a store with nodes that run, which --url names: leave --data out")
	}
	return nil
}

// compare compares the shards with a store.
func (c *verifyCommand) compare(ctx context.Context, cl *client.Client, std *streams) error {
	endpoint := sparql.Endpoint{Query: *c.Against, Update: c.StoreUpdate, User: c.StoreUser, Password: c.StorePassword, Token: c.StoreToken}
	if c.StoreCA != "" {
		var err error
		if endpoint.Roots, err = client.ReadRoots(c.StoreCA); err != nil {
			return err
		}
	}
	store, err := sparql.NewStore(endpoint)
	if err != nil {
		return usagef("--against: %w; %s", err, storeAddress)
	}
	defer store.Close()
	check := verify.StoreCheck{Client: cl, Nodes: c.URL, Store: store, Blank: patch.Skolemise(c.BlankPrefix), Mend: c.Mend}
	for _, name := range c.Graph {
		graph, err := sparql.GraphNamed(name)
		if err != nil {
			return usagef("--graph: %w", err)
		}
		check.Graphs = append(check.Graphs, graph)
	}
	done, err := verify.CheckStore(ctx, check)
	if err != nil {
		return err
	}
	if err := tell(c, std, done, writeStore); err != nil {
		return err
	}
	return done.Err()
}

// writeStore names what differs: D what the store has beside the shards, A what it lacks, as the rows of the patch that mends it.
func writeStore(w io.Writer, r *verify.StoreReport) error {
	var b strings.Builder
	for _, line := range r.Surplus {
		b.WriteString("D " + line)
	}
	for _, line := range r.Missing {
		b.WriteString("A " + line)
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "and %d more\n", r.More)
	}
	if r.Mended > 0 {
		fmt.Fprintf(&b, "mended: %s\n", terminal.Count(r.Mended, "quad"))
	}
	if r.Err() == nil {
		b.WriteString("good: the store has what the shards have\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// tell prints an outcome.
func tell[T any](c *verifyCommand, std *streams, done *T, write func(io.Writer, *T) error) error {
	if c.JSON {
		return writeJSON(std.out, done)
	}
	return write(std.out, done)
}

func writeFolders(w io.Writer, done *verify.Folders) error {
	var b strings.Builder
	for _, f := range done.Folders {
		writeFolder(&b, f)
	}
	for _, d := range slices.Concat(done.Differing, done.Behind) {
		fmt.Fprintf(&b, "%s: %s\n", d.Log, d.What)
	}
	if done.Err() == nil {
		logs := 0
		for _, f := range done.Folders {
			logs += len(f.Logs)
		}
		writeVerdict(&b, logs, terminal.Count(len(done.Folders), "folder"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeVerdict says that all is good.
func writeVerdict(b *strings.Builder, logs int, where string) {
	fmt.Fprintf(b, "good: nothing is damaged in %s of %s\n", terminal.Count(logs, "log"), where)
}

func writeFolder(b *strings.Builder, f *verify.Folder) {
	fmt.Fprintf(b, "%s\n", f.Data)
	for _, l := range f.Logs {
		fmt.Fprintf(b, "  %s: %s, positions %d to %d", l.Log, terminal.Count(l.Records, "record"), l.First, l.Last)
		if l.Head != "" {
			fmt.Fprintf(b, ", head %s", l.Head)
		}
		if l.Epoch > 0 {
			fmt.Fprintf(b, ", epoch %d", l.Epoch)
		}
		b.WriteByte('\n')
	}
	for _, s := range f.Snapshots {
		fmt.Fprintf(b, "  %s snapshots: %d, %s\n", s.Pipeline, s.Count, terminal.Count(s.Bytes, "byte"))
	}
	for _, d := range f.Torn {
		fmt.Fprintf(b, "%v (no damage by itself)\n", d)
	}
	for _, dir := range f.SetAside {
		fmt.Fprintf(b, "%s: set aside at an earlier start\n", dir)
	}
	for _, d := range f.Damages {
		fmt.Fprintf(b, "%v\n", d)
	}
	if f.More > 0 {
		fmt.Fprintf(b, "and %d more\n", f.More)
	}
}

func writeNodes(w io.Writer, v *verify.Nodes) error {
	var b strings.Builder
	for _, n := range v.Nodes {
		if n.Report == nil {
			fmt.Fprintf(&b, "node %s: not verified: %s\n", n.Node, n.Error)
			continue
		}
		writeNode(&b, &n)
	}
	for _, text := range slices.Concat(v.Behind, v.Damages) {
		fmt.Fprintln(&b, text)
	}
	if v.Err() == nil {
		logs := 0
		for _, n := range v.Nodes {
			logs += len(n.Logs)
		}
		writeVerdict(&b, logs, terminal.Count(len(v.Nodes), "node"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeNode(b *strings.Builder, n *verify.NodeReport) {
	if n.Replica {
		fmt.Fprintf(b, "node %s: its own replica, in %s\n", n.Node, n.Data)
	} else {
		fmt.Fprintf(b, "node %s: through the engine that others run; replicas can't be told apart\n", n.Node)
	}
	for _, l := range n.Logs {
		fmt.Fprintf(b, "  %s: %s, positions %d to %d, head %s\n", verify.LogText(l.Shard), terminal.Count(l.Records, "record"), l.First, l.Last, l.Head)
	}
	bytes := int64(0)
	for _, s := range n.Snapshots {
		bytes += s.Size
	}
	fmt.Fprintf(b, "  snapshots: %d, %s; marks: %d\n", len(n.Snapshots), terminal.Count(bytes, "byte"), len(n.Marks))
	for _, d := range n.AtStart {
		fmt.Fprintf(b, "node %s, at its start: %s\n", n.Node, damageText(d))
	}
	for _, d := range n.Report.Damages {
		fmt.Fprintf(b, "node %s: %s\n", n.Node, damageText(d))
	}
	if n.More > 0 {
		fmt.Fprintf(b, "node %s: and %d more\n", n.Node, n.More)
	}
}

func damageText(d client.DamageReport) string {
	text := fmt.Sprintf("%s: %s", d.Stream, d.What)
	if d.File != "" {
		text = fmt.Sprintf("%s:%d: %s", d.File, d.Offset, d.What)
	}
	if d.SetAside != "" {
		text += "; set aside in " + d.SetAside
	}
	return text
}
