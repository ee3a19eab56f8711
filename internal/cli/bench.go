package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/factory"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

// benchPatience bounds how long a request is tried, at all doors.
const benchPatience = 60 * time.Second

type benchIngestCommand struct {
	Nodes   int  `default:"1" help:"Nodes, 1 to 16. The first three run the engine, replicated; of one or two only the first does."`
	Changes int  `default:"1000000" help:"Changes to send. They are made before the clock starts, about 200 bytes each."`
	Batch   int  `default:"1000" help:"About how many changes a request has."`
	Senders int  `default:"16" help:"Senders that send at the same time, each one request after the other."`
	Shards  int  `default:"8" help:"Shards."`
	JSON    bool `name:"json" help:"Print the result as one JSON object."`
}

// Help is the long help.
func (*benchIngestCommand) Help() string {
	return `Starts nodes as processes of their own, that fsync as in earnest, in a temporary folder (the environment variable
TMPDIR says where), and sends them the changes of a factory's sensors over HTTP, through all of them. Then it appends
records of the same size, and as many bytes, to an engine of the same kind without anything in front of it.`
}

// benchResult is what --json prints.
type benchResult struct {
	Nodes    int     `json:"nodes"`
	Shards   int     `json:"shards"`
	CPUs     int     `json:"cpus"`
	Changes  int     `json:"changes"`
	Seconds  float64 `json:"seconds"`
	PerSec   int     `json:"changes_per_second"`
	BodyMB   float64 `json:"body_mb_per_second"`
	Records  uint64  `json:"records"`
	Average  int     `json:"record_bytes_average"`
	LogMB    float64 `json:"log_mb_per_second"`
	Retries  int     `json:"retries"`
	RawPer   int     `json:"raw_appends_per_second"`
	RawLogMB float64 `json:"raw_log_mb_per_second"`
	Ratio    float64 `json:"ratio_to_raw"`
}

// Run measures.
func (c *benchIngestCommand) Run(ctx context.Context, io *streams) error {
	switch {
	case c.Nodes < 1 || c.Nodes > cluster.MaxNodes:
		return usagef("--nodes=%d: expected 1 to %d", c.Nodes, cluster.MaxNodes)
	case c.Changes < 1 || c.Batch < 1 || c.Senders < 1 || c.Shards < 1:
		return usagef("--changes, --batch, --senders and --shards must be 1 or more")
	}
	b := &ingest{benchIngestCommand: *c, screen: terminal.NewScreen(io.err), client: client.New(""), meter: factory.NewMeter(c.Changes)}
	defer b.client.Close()
	b.screen.Say("making %s changes", terminal.Grouped(c.Changes))
	b.make()
	if err := b.measure(ctx); err != nil {
		return err
	}
	b.screen.Say("appending the same bytes to the engine alone")
	raw := rawConfig{nodes: c.Nodes, shards: c.Shards, size: b.result.Average, bytes: b.logBytes, sample: b.sample()}
	b.requests = nil
	rate, err := raw.run(ctx)
	if err != nil {
		return err
	}
	r := &b.result
	r.RawPer, r.RawLogMB = int(rate.appends), rate.mb
	r.Ratio = r.LogMB / rate.mb
	return b.show(io.out)
}

// ingest is one run of the measurement.
type ingest struct {
	benchIngestCommand
	screen *terminal.Screen
	client *client.Client
	meter  *factory.Meter

	requests  [][]benchRequest // of each sender
	bodyBytes int
	logBytes  uint64
	result    benchResult
}

// benchRequest is one that is made before the clock starts.
type benchRequest struct {
	body []byte
	rows int
}

// make makes all requests.
func (b *ingest) make() {
	model := factory.New(b.Changes)
	b.requests = make([][]benchRequest, min(b.Senders, model.Sensors()))
	for i := range b.requests {
		sender := model.Sender(i, len(b.requests), b.Batch)
		for {
			body, rows := sender.Next(nil)
			if rows == 0 {
				break
			}
			b.requests[i] = append(b.requests[i], benchRequest{body, rows})
			b.bodyBytes += len(body)
		}
	}
}

// sample is some of what is sent.
func (b *ingest) sample() []byte {
	var sample []byte
	for _, r := range b.requests[0] {
		if sample = append(sample, r.body...); len(sample) > 8<<20 {
			break
		}
	}
	return sample
}

// measure runs the nodes and sends the requests.
func (b *ingest) measure(ctx context.Context) (err error) {
	b.screen.Say("starting %d nodes", b.Nodes)
	nodes, err := cluster.Start(ctx, cluster.Config{Sweep: sweepArgs(), Nodes: b.Nodes, Shards: b.Shards})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, nodes.Stop()) }()
	before, err := b.stats(ctx, nodes)
	if err != nil {
		return err
	}
	b.screen.Say("sending")
	if err := b.send(ctx, nodes.Doors()); err != nil {
		return errors.Join(err, nodes.Err())
	}
	after, err := b.stats(ctx, nodes)
	if err != nil {
		return err
	}
	m := b.meter.Read()
	if committed := after.Adds + after.Deletes - before.Adds - before.Deletes; committed != uint64(b.Changes) {
		return fmt.Errorf("%d changes were sent, the owners committed %d", b.Changes, committed)
	}
	b.logBytes = after.RecordBytes - before.RecordBytes
	records := after.Records - before.Records
	b.result = benchResult{
		Nodes: b.Nodes, Shards: b.Shards, CPUs: runtime.NumCPU(), Changes: m.Accepted, Seconds: m.Took.Seconds(),
		PerSec: int(m.Rate()), BodyMB: megabytes(uint64(b.bodyBytes), m.Took), Records: records,
		Average: int(b.logBytes / max(records, 1)), LogMB: megabytes(b.logBytes, m.Took), Retries: m.Retries,
	}
	return nil
}

// megabytes is the number of them, of 10⁶ bytes, a second.
func megabytes(bytes uint64, took time.Duration) float64 {
	return float64(bytes) / 1e6 / took.Seconds()
}

// stats adds up the nodes' counters.
func (b *ingest) stats(ctx context.Context, nodes *cluster.Cluster) (sum client.Stats, err error) {
	for _, door := range nodes.Doors() {
		s, err := b.client.Status(ctx, door)
		if err != nil {
			return sum, err
		}
		sum.Adds += s.Stats.Adds
		sum.Deletes += s.Stats.Deletes
		sum.Records += s.Stats.Records
		sum.RecordBytes += s.Stats.RecordBytes
	}
	return sum, nil
}

// send sends all requests.
func (b *ingest) send(ctx context.Context, doors []string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer b.screen.Live(b.figures)()
	b.meter.Start(time.Now())
	var all sync.WaitGroup
	for i, requests := range b.requests {
		all.Go(func() {
			session := client.NewSession(b.client, doors, i, benchPatience)
			session.Retried = func(string, error) { b.meter.Retried() }
			for number, r := range requests {
				if _, err := session.Submit(ctx, client.TypePatch, fmt.Sprintf("bench-%d-%d", i, number), r.body); err != nil {
					cancel(fmt.Errorf("sender %d, request %d: %w", i, number, err))
					return
				}
				b.meter.Accept(time.Now(), r.rows)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func (b *ingest) figures(width int) string {
	m := b.meter.Read()
	done := float64(m.Accepted) / float64(b.Changes)
	text := fmt.Sprintf(" %s of %s changes  %s/s", terminal.Grouped(m.Accepted), terminal.Grouped(b.Changes), terminal.Grouped(int(m.Rate())))
	return terminal.Gauge(done, min(width-len(text)-1, 40)) + text
}

func (b *ingest) show(out io.Writer) error {
	r := b.result
	if b.JSON {
		return json.NewEncoder(out).Encode(r)
	}
	return terminal.WriteTable(out, [][2]string{
		{"nodes, shards, CPUs", fmt.Sprintf("%d, %d, %d", r.Nodes, r.Shards, r.CPUs)},
		{"changes accepted", fmt.Sprintf("%s in %.2f s", terminal.Grouped(r.Changes), r.Seconds)},
		{"changes a second", terminal.Grouped(r.PerSec)},
		{"request bodies", fmt.Sprintf("%.1f MB/s", r.BodyMB)},
		{"logs", fmt.Sprintf("%.1f MB/s in records of %s bytes", r.LogMB, terminal.Grouped(r.Average))},
		{"raw engine", fmt.Sprintf("%.1f MB/s, %s appends/s of the same size", r.RawLogMB, terminal.Grouped(r.RawPer))},
		{"ratio", fmt.Sprintf("%.0f %% of the raw engine", 100*r.Ratio)},
	})
}
