package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/factory"
	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/patch"
)

// UpdatesConfig says what to send to which cluster. Each number is at least 1.
type UpdatesConfig struct {
	// Nodes is the number of nodes, to [cluster.MaxNodes], Shards that of shards.
	Nodes, Shards int
	// Clients send at the same time, each one request after the other, until it has sent Updates, or some more that fill the last request. Each
	// of a request's Batch updates is of another subject of the client, and an event of its own.
	Clients, Updates, Batch int
	// Args are further arguments of the nodes.
	Args []string
	// Sweep are the arguments that make this program call [cluster.Sweep].
	Sweep []string
	// Screen is told what goes on.
	Screen *terminal.Screen
}

// UpdatesResult is what was measured.
type UpdatesResult struct {
	// Updates were accepted in so many Seconds, Batch in a request, in so many Records of the logs. PatchesPer is how many RDF Patches a second were
	// accepted that make the same changes, of the same clients, in the same run; Ratio is that of the updates to it. MappedPer is how many
	// updates a second a mapping made of lines of JSON. BarePer is how many requests a second, of one update each, a server takes that does nothing.
	Nodes      int     `json:"nodes"`
	Shards     int     `json:"shards"`
	CPUs       int     `json:"cpus"`
	Clients    int     `json:"clients"`
	Batch      int     `json:"batch"`
	Updates    int     `json:"updates"`
	Seconds    float64 `json:"seconds"`
	PerSec     int     `json:"updates_per_second"`
	Records    uint64  `json:"records"`
	PatchesPer int     `json:"patches_per_second"`
	Ratio      float64 `json:"ratio_to_patches"`
	MappedPer  int     `json:"mapped_per_second"`
	BarePer    int     `json:"bare_requests_per_second"`
	Retries    int     `json:"retries"`
}

// Updates measures SPARQL Updates that count, over HTTP, and checks that each has counted once. RDF Patches of the same changes go
// before, which shows what the updates themselves cost. It returns when nothing is left of the cluster.
func Updates(ctx context.Context, cfg UpdatesConfig) (r UpdatesResult, err error) {
	u := &updates{cfg: cfg, client: client.New("")}
	defer u.client.Close()
	bare, err := u.bare(ctx)
	if err != nil {
		return r, err
	}
	cfg.Screen.Say("starting %s", terminal.Count(cfg.Nodes, "node"))
	nodes, err := cluster.Start(ctx, cluster.Config{Sweep: cfg.Sweep, Nodes: cfg.Nodes, Shards: cfg.Shards, Args: cfg.Args, Document: countingMapping})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, nodes.Stop()) }()
	if r, err = u.measure(ctx, nodes.Doors()); err != nil {
		return r, errors.Join(err, nodes.Err())
	}
	r.BarePer = int(bare.Rate())
	return r, u.counted(ctx, nodes.Doors()[0])
}

// measure sends each kind of changes.
func (u *updates) measure(ctx context.Context, doors []string) (r UpdatesResult, err error) {
	patches, err := u.run(ctx, doors, &patchKind)
	if err != nil {
		return r, err
	}
	before, err := u.records(ctx, doors)
	if err != nil {
		return r, err
	}
	m, err := u.run(ctx, doors, &updateKind)
	if err != nil {
		return r, err
	}
	after, err := u.records(ctx, doors)
	if err != nil {
		return r, err
	}
	mapped, err := u.run(ctx, doors, &mappedKind)
	return UpdatesResult{
		Nodes: u.cfg.Nodes, Shards: u.cfg.Shards, CPUs: runtime.NumCPU(), Clients: u.cfg.Clients, Batch: u.cfg.Batch, Updates: m.Accepted,
		Seconds: m.Took.Seconds(), PerSec: int(m.Rate()), Records: after - before, PatchesPer: int(patches.Rate()), Ratio: m.Rate() / patches.Rate(),
		MappedPer: int(mapped.Rate()), Retries: m.Retries,
	}, err
}

// updates is one run of the measurement.
type updates struct {
	cfg    UpdatesConfig
	client *client.Client
}

// requests is the number of requests of each client.
func (u *updates) requests() int { return (u.cfg.Updates + u.cfg.Batch - 1) / u.cfg.Batch }

// records is the number of records that the nodes have appended.
func (u *updates) records(ctx context.Context, doors []string) (sum uint64, err error) {
	for _, door := range doors {
		s, err := u.client.Status(ctx, door)
		if err != nil {
			return 0, err
		}
		sum += s.Stats.Records
	}
	return sum, nil
}

// bare sends the updates, one in a request, to a server that does nothing.
func (u *updates) bare(ctx context.Context) (m factory.Reading, err error) {
	alone := *u
	alone.cfg.Batch = 1
	err = serveBare(ctx, func(door string) error {
		m, err = alone.run(ctx, []string{door}, &bareKind)
		return err
	})
	return m, err
}

// kind is a kind of changes: append appends the number-th one of a subject.
type kind struct {
	name, path, mediaType string
	append                func(body []byte, subject, number int) []byte
	lines                 bool // a request is the changes one after the other, and not parts
}

const countedValue = `"%d"^^<http://www.w3.org/2001/XMLSchema#integer>`

// countingMapping makes of a line of JSON the update that adds 1 to what a subject counts.
const countingMapping = `prefixes: {b: "urn:quadrille:bench:"}
mappings:
  count:
    update: |
      DELETE { ?s b:n ?n } INSERT { ?s b:n ?m }
      WHERE { OPTIONAL { ?s b:n ?n } BIND(COALESCE(?n, 0) + 1 AS ?m) }
    bind:
      s: b:mapped$(subject)~iri
`

var (
	updateKind = kind{name: "updates", path: "/v1/changes", mediaType: patch.UpdateMediaType, append: appendUpdate}
	patchKind  = kind{name: "patches", path: "/v1/changes", mediaType: client.TypePatch, append: appendPatch}
	mappedKind = kind{name: "mapped updates", path: "/v1/changes?mapping=count", mediaType: "application/x-ndjson", append: appendMapped, lines: true}
	bareKind   = kind{name: "requests that are but answered", path: "/", mediaType: patch.UpdateMediaType, append: appendUpdate}
)

// appendUpdate appends the update that adds 1 to what a subject counts. A comment makes another text of each, as those are that say something new.
func appendUpdate(body []byte, subject, number int) []byte {
	return fmt.Appendf(body, "PREFIX b: <urn:quadrille:bench:> DELETE { b:updates%[1]d b:n ?n } INSERT { b:updates%[1]d b:n ?m } "+
		"WHERE { OPTIONAL { b:updates%[1]d b:n ?n } BIND(COALESCE(?n, 0) + 1 AS ?m) } # %[2]d", subject, number)
}

// appendPatch appends the patch that makes the same of a number, by who knows it.
func appendPatch(body []byte, subject, number int) []byte {
	const row = "%s <urn:quadrille:bench:patches%d> <urn:quadrille:bench:n> " + countedValue + " .\n"
	body = append(body, "TX .\n"...)
	body = fmt.Appendf(body, row, "D", subject, number)
	return append(fmt.Appendf(body, row, "A", subject, number+1), "TC .\n"...)
}

// appendMapped appends the line of which the mapping makes the same.
func appendMapped(body []byte, subject, _ int) []byte {
	return fmt.Appendf(body, "{\"subject\": %d}\n", subject)
}

// run sends the changes of a kind.
func (u *updates) run(ctx context.Context, doors []string, k *kind) (factory.Reading, error) {
	all := u.cfg.Clients * u.requests() * u.cfg.Batch
	meter := factory.NewMeter(all)
	u.cfg.Screen.Say("sending %s %s", terminal.Grouped(all), k.name)
	meter.Start(time.Now())
	err := together(ctx, u.cfg.Clients, func(ctx context.Context, i int) (err error) {
		c, err := dial(ctx, doors[i%len(doors)])
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.close()) }()
		w := writer{kind: k, client: i, batch: u.cfg.Batch}
		for number := range u.requests() {
			headers, body := w.request(number)
			if err := c.submit(ctx, k.path, headers, body, meter.Retried); err != nil {
				return fmt.Errorf("client %d, request %d of %s: %w", i, number, k.name, err)
			}
			meter.Accept(time.Now(), u.cfg.Batch)
		}
		return nil
	})
	return meter.Read(), err
}

// writer writes the requests of one client. What it returns is its own until the next.
type writer struct {
	*kind
	client, batch int
	body          []byte
}

// request is the number-th request.
func (w *writer) request(number int) (headers string, body []byte) {
	w.body = w.body[:0]
	one := w.batch == 1 || w.lines
	for i := range w.batch {
		if !one {
			w.body = fmt.Appendf(w.body, "--b\r\nContent-Type: %s\r\nIdempotency-Key: %s\r\n\r\n", w.mediaType, w.key(number*w.batch+i))
		}
		w.body = w.append(w.body, w.client*w.batch+i, number)
		if !one {
			w.body = append(w.body, "\r\n"...)
		}
	}
	if one {
		return fmt.Sprintf("Content-Type: %s\r\nIdempotency-Key: %s\r\n", w.mediaType, w.key(number)), w.body
	}
	w.body = append(w.body, "--b--\r\n"...)
	return "Content-Type: multipart/mixed; boundary=b\r\n", w.body
}

func (w *writer) key(number int) string {
	return fmt.Sprintf("bench-%s-%d-%d", strings.ReplaceAll(w.name, " ", "-"), w.client, number)
}

// counted checks that every subject has counted what was sent.
func (u *updates) counted(ctx context.Context, door string) error {
	data, err := u.client.Data(ctx, door)
	if err != nil {
		return err
	}
	defer data.Close()
	want, found := fmt.Sprintf(countedValue, u.requests()), 0
	lines := bufio.NewScanner(data)
	for lines.Scan() {
		if !strings.Contains(lines.Text(), want) {
			return fmt.Errorf("%d changes were accepted of each subject, and the shards have %s", u.requests(), lines.Text())
		}
		found++
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if kinds := 3; found != kinds*u.cfg.Clients*u.cfg.Batch {
		return fmt.Errorf("%d clients have sent updates, patches and mapped updates of %d subjects each, and the shards have %d quads", u.cfg.Clients,
			u.cfg.Batch, found)
	}
	return nil
}
