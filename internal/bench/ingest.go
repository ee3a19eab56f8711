// Package bench measures on this machine: accepted changes and answers a second, appends of the engine alone, and how long writers
// wait when nodes and links fail.
package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/factory"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

// patience bounds how long a request is tried, at all doors: a machine that runs all nodes of a cluster, and much else, may be without a
// leader for a minute.
const patience = 3 * time.Minute

// IngestConfig says what to send to which cluster. Each number is at least 1.
type IngestConfig struct {
	// Nodes is the number of nodes, to [cluster.MaxNodes].
	Nodes int
	// Changes is the number of changes to send, Batch about how many a request has.
	Changes, Batch int
	// Senders send at the same time, each one request after the other.
	Senders int
	// Shards is the number of shards.
	Shards int
	// Args are further arguments of the nodes.
	Args []string
	// Sweep are the arguments that make this program call [cluster.Sweep].
	Sweep []string
	// Screen is told what goes on.
	Screen *terminal.Screen
}

// IngestResult is what was measured.
type IngestResult struct {
	// Changes were accepted in so many Seconds, in Records of so many bytes on Average. BodyMB and LogMB are what was sent
	// and what came into the logs, RawPer and RawLogMB what the engine alone appends, all a second, in 10⁶ bytes. Ratio is
	// that of LogMB to RawLogMB.
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

// Ingest measures accepted changes a second, over HTTP, and then what the engine alone does with as many bytes. The
// requests are made before the clock starts. It returns when nothing is left of the cluster.
func Ingest(ctx context.Context, cfg IngestConfig) (IngestResult, error) {
	b := &ingest{cfg: cfg, client: client.New(""), meter: factory.NewMeter(cfg.Changes)}
	defer b.client.Close()
	cfg.Screen.Say("making %s", terminal.GroupedCount(cfg.Changes, "change"))
	b.make()
	if err := b.measure(ctx); err != nil {
		return IngestResult{}, err
	}
	cfg.Screen.Say("appending the same bytes to the engine alone")
	raw := rawConfig{nodes: cfg.Nodes, shards: cfg.Shards, size: b.result.Average, bytes: b.logBytes, sample: b.sample(),
		sweep: cfg.Sweep}
	b.requests = nil
	rate, err := raw.run(ctx)
	if err != nil {
		return IngestResult{}, err
	}
	r := b.result
	r.RawPer, r.RawLogMB = int(rate.appends), rate.mb
	r.Ratio = r.LogMB / rate.mb
	return r, nil
}

// ingest is one run of the measurement.
type ingest struct {
	cfg    IngestConfig
	client *client.Client
	meter  *factory.Meter

	requests  [][]request // of each sender
	bodyBytes int
	logBytes  uint64
	result    IngestResult
}

// request is one that is made before the clock starts.
type request struct {
	body []byte
	rows int
}

// make makes all requests.
func (b *ingest) make() {
	model := factory.New(b.cfg.Changes)
	b.requests = make([][]request, min(b.cfg.Senders, model.Sensors()))
	for i := range b.requests {
		sender := model.Sender(i, len(b.requests), b.cfg.Batch)
		for {
			body, rows := sender.Next(nil)
			if rows == 0 {
				break
			}
			b.requests[i] = append(b.requests[i], request{body, rows})
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
	b.cfg.Screen.Say("starting %s", terminal.Count(b.cfg.Nodes, "node"))
	nodes, err := cluster.Start(ctx, cluster.Config{Sweep: b.cfg.Sweep, Nodes: b.cfg.Nodes, Shards: b.cfg.Shards, Args: b.cfg.Args})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, nodes.Stop()) }()
	before, err := b.stats(ctx, nodes)
	if err != nil {
		return err
	}
	b.cfg.Screen.Say("sending")
	if err := b.send(ctx, nodes.Doors()); err != nil {
		return errors.Join(err, nodes.Err())
	}
	after, err := b.stats(ctx, nodes)
	if err != nil {
		return err
	}
	m := b.meter.Read()
	if committed := after.Adds + after.Deletes - before.Adds - before.Deletes; committed != uint64(b.cfg.Changes) {
		return fmt.Errorf("%d changes were sent, the owners committed %d", b.cfg.Changes, committed)
	}
	b.logBytes = after.RecordBytes - before.RecordBytes
	records := after.Records - before.Records
	b.result = IngestResult{
		Nodes: b.cfg.Nodes, Shards: b.cfg.Shards, CPUs: runtime.NumCPU(), Changes: m.Accepted, Seconds: m.Took.Seconds(),
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
	defer b.cfg.Screen.Live(b.figures)()
	b.meter.Start(time.Now())
	var all sync.WaitGroup
	for i, requests := range b.requests {
		all.Go(func() {
			session := client.NewSession(b.client, doors, i, patience)
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
	done := float64(m.Accepted) / float64(b.cfg.Changes)
	text := fmt.Sprintf(" %s of %s  %s/s", terminal.Grouped(m.Accepted), terminal.GroupedCount(b.cfg.Changes, "change"), terminal.Grouped(int(m.Rate())))
	return terminal.Gauge(done, min(width-len(text)-1, 40)) + text
}
