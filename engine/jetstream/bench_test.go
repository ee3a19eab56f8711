package jetstream

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
)

// benchRecord compresses as RDF does.
func benchRecord(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "A <http://example.org/plant/7/sensor/%d> <http://example.org/value> \"%d\" .\n",
			i*7919%5000, i*104729%100000)
	}
	return b.Bytes()[:n]
}

// onReplicas runs a benchmark on one server and on three.
func onReplicas(b *testing.B, run func(b *testing.B, e engine.Engine)) {
	b.Run("replicas=1", func(b *testing.B) { run(b, openOne(b, 8)) })
	b.Run("replicas=3", func(b *testing.B) {
		servers, err := startCluster(b.TempDir(), "bench", false)
		defer func() { stopAll(servers) }()
		if err != nil {
			b.Fatal(err)
		}
		cfg := fresh(8, 3)
		cfg.Streams = 4
		run(b, open(b, servers[0], cfg))
	})
}

// BenchmarkAppend appends to one log, one after the other, with fsync.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{200, 32 << 10} {
		b.Run(fmt.Sprint("bytes=", size), func(b *testing.B) {
			onReplicas(b, func(b *testing.B, e engine.Engine) {
				benchAppend(b, e.Shard(0), benchRecord(size))
			})
		})
	}
}

func benchAppend(b *testing.B, l engine.Log, payload []byte) {
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	var tail uint64
	for b.Loop() {
		seq, err := l.Append(context.Background(), tail, payload)
		if err != nil {
			b.Fatal(err)
		}
		tail = seq
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

// BenchmarkTail reads the tail, which costs a commit where there are replicas.
func BenchmarkTail(b *testing.B) {
	onReplicas(b, func(b *testing.B, e engine.Engine) {
		if _, err := e.Shard(0).Append(context.Background(), 0, benchRecord(200)); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := e.Shard(0).Tail(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRead reads back 64 MiB.
func BenchmarkRead(b *testing.B) {
	for _, size := range []int{1 << 10, 32 << 10, 512 << 10} {
		b.Run(fmt.Sprint("bytes=", size), func(b *testing.B) {
			e := openOne(b, 8)
			const total = 64 << 20
			benchFill(b, e.Shard(0), benchRecord(size), total/size)
			b.SetBytes(total)
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				_, err := e.Shard(0).Read(context.Background(), 0, func(e engine.Entry) error {
					n += len(e.Payload)
					return nil
				})
				if err != nil || n != total {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func benchFill(b *testing.B, l engine.Log, payload []byte, n int) {
	b.Helper()
	var tail uint64
	var err error
	for range n {
		if tail, err = l.Append(context.Background(), tail, payload); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFollow is the time from an append to its follower on another connection.
func BenchmarkFollow(b *testing.B) {
	cfg := fresh(8, 1)
	writer, reader := open(b, one(b), cfg), open(b, one(b), cfg)
	payload := benchRecord(32 << 10)
	ctx, stop := context.WithCancel(context.Background())
	heard := make(chan uint64)
	done := make(chan error, 1)
	go func() {
		done <- reader.Shard(0).Follow(ctx, 0, func(e engine.Entry) error {
			select {
			case heard <- e.Seq:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	var tail uint64
	for b.Loop() {
		seq, err := writer.Shard(0).Append(ctx, tail, payload)
		if err != nil {
			b.Fatal(err)
		}
		if tail = <-heard; tail != seq {
			b.Fatalf("followed %d, appended %d", tail, seq)
		}
	}
	stop()
	<-done
}
