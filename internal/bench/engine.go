package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/factory"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

// EngineConfig says what to append.
type EngineConfig struct {
	// Nodes is the number of servers, 1 or 3; the logs are replicated to all.
	Nodes int
	// Shards is the number of shards, at least 1. Each has one append under way at a time.
	Shards int
	// RecordSize is that of a record in bytes, 1 to 1,000,000, and Bytes that of all records.
	RecordSize, Bytes int
	// Sweep are the arguments that make this program call [cluster.Sweep].
	Sweep []string
}

// EngineResult is what was measured.
type EngineResult struct {
	// Record is the size of a record in bytes, Appends their number. MB is of 10⁶ bytes a second.
	Nodes   int     `json:"nodes"`
	Shards  int     `json:"shards"`
	CPUs    int     `json:"cpus"`
	Record  int     `json:"record_bytes"`
	Appends uint64  `json:"appends"`
	Seconds float64 `json:"seconds"`
	PerSec  int     `json:"appends_per_second"`
	MB      float64 `json:"mb_per_second"`
}

// Engine measures appends of the engine alone, which runs in this process, with fsync of every append.
func Engine(ctx context.Context, cfg EngineConfig) (EngineResult, error) {
	sample, _ := factory.New(50_000).Sender(0, 1, 50_000).Next(nil)
	rate, err := rawConfig{
		nodes: cfg.Nodes, shards: cfg.Shards, size: cfg.RecordSize, bytes: uint64(cfg.Bytes), sample: sample, sweep: cfg.Sweep,
	}.run(ctx)
	return EngineResult{
		Nodes: cfg.Nodes, Shards: cfg.Shards, CPUs: runtime.NumCPU(), Record: cfg.RecordSize, Appends: rate.count,
		Seconds: rate.took.Seconds(), PerSec: int(rate.appends), MB: rate.mb,
	}, err
}

// rawConfig says what to append to an engine that nothing else uses.
type rawConfig struct {
	// nodes is that of a cluster; its engine has as many servers as there.
	nodes, shards int
	size          int    // bytes of a record
	bytes         uint64 // of all records
	sample        []byte // what the records are made of, so that they compress as the real ones do
	sweep         []string
}

// rawRate is how fast it was.
type rawRate struct {
	count   uint64
	took    time.Duration
	appends float64 // a second
	mb      float64 // of 10⁶ bytes a second
}

// run starts the engine, appends, and stops it.
func (c rawConfig) run(ctx context.Context) (rate rawRate, err error) {
	guard, err := cluster.NewGuard("", c.sweep...)
	if err != nil {
		return rate, err
	}
	defer func() { err = errors.Join(err, guard.Close()) }()
	servers, err := startServers(ctx, guard.Dir(), c.nodes)
	defer func() {
		var all sync.WaitGroup
		for _, s := range servers {
			all.Go(s.Shutdown)
		}
		all.Wait()
	}()
	if err != nil {
		return rate, err
	}
	engines, closeAll, err := c.open(ctx, servers)
	defer closeAll()
	if err != nil {
		return rate, err
	}
	return c.append(ctx, engines)
}

// startServers starts the engine of a cluster of so many nodes.
func startServers(ctx context.Context, dir string, nodes int) (list []*jetstream.Server, err error) {
	count := 1
	if nodes >= cluster.Servers {
		count = cluster.Servers
	}
	ports, err := ports.Free(count)
	if err != nil {
		return nil, err
	}
	var routes []string
	for _, port := range ports {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	secret := jetstream.NewSecret()
	for i := range count {
		name := fmt.Sprintf("s%d", i+1)
		cfg := jetstream.ServerConfig{Name: name, Dir: filepath.Join(dir, name), NoListen: count == 1, Port: -1, Secret: secret}
		if count > 1 {
			cfg.Cluster, cfg.ClusterPort, cfg.Routes = "raw", ports[i], routes
		}
		s, err := jetstream.StartServer(ctx, cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			return list, err
		}
		list = append(list, s)
	}
	return list, nil
}

// open opens the engine once for each server, as every node does.
func (c rawConfig) open(ctx context.Context, servers []*jetstream.Server) (list []engine.Engine, closeAll func(), _ error) {
	var conns []*nats.Conn
	closeAll = func() {
		for _, nc := range conns {
			nc.Close()
		}
	}
	for _, s := range servers {
		nc, err := s.Connect()
		if err != nil {
			return nil, closeAll, err
		}
		conns = append(conns, nc)
		e, err := jetstream.Open(ctx, nc, jetstream.Config{Pipeline: "raw", Shards: c.shards, Replicas: len(servers)})
		if err != nil {
			return nil, closeAll, err
		}
		list = append(list, e)
	}
	return list, closeAll, nil
}

// append appends to all shards at the same time, one after the other to each.
func (c rawConfig) append(ctx context.Context, engines []engine.Engine) (rate rawRate, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	rate.count = max(c.bytes/uint64(c.size), 1)
	var taken atomic.Uint64
	begin := time.Now()
	var all sync.WaitGroup
	for s := range c.shards {
		log := engines[s%len(engines)].Shard(s)
		all.Go(func() {
			var tail uint64
			for n := taken.Add(1); n <= rate.count; n = taken.Add(1) {
				seq, err := log.Append(ctx, tail, c.record(n))
				if err != nil {
					cancel(fmt.Errorf("append to shard %d: %w", s, err))
					return
				}
				tail = seq
			}
		})
	}
	all.Wait()
	rate.took = time.Since(begin)
	rate.appends = float64(rate.count) / rate.took.Seconds()
	rate.mb = megabytes(rate.count*uint64(c.size), rate.took)
	return rate, context.Cause(ctx)
}

// record is the payload of the n-th append.
func (c rawConfig) record(n uint64) []byte {
	if len(c.sample) <= c.size {
		return append(c.sample, make([]byte, c.size-len(c.sample))...)
	}
	from := int(n*uint64(c.size)) % (len(c.sample) - c.size)
	return c.sample[from : from+c.size]
}
