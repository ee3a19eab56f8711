package natstransport_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/shipper/natstransport"
	"github.com/quadrille-stream/quadrille/shipper/request"
)

// benchAsk returns a node that asks "b", which answers so.
func benchAsk(b *testing.B, handler request.Handler) *natstransport.Transport {
	c := newCluster(b)
	from, to := c.node("a"), c.node("b")
	if err := to.Answer("b", handler, 256); err != nil {
		b.Fatal(err)
	}
	c.Start()
	b.Cleanup(func() { _ = c.Stop() })
	return from
}

var smallRequest = make([]byte, 200)

func askSmall(b *testing.B, tr request.Transport) {
	err := tr.Ask(context.Background(), "b", smallRequest, func([]byte) error { return nil })
	if err != nil {
		b.Error(err)
	}
}

// BenchmarkAskSmall is a request of 200 bytes with an answer of one part of 200 bytes, one after the other, and many at a time.
// It is measured beside NATS's own request and reply of the same size over the same kind of connection.
func BenchmarkAskSmall(b *testing.B) {
	b.Run("one at a time", func(b *testing.B) {
		tr := benchAsk(b, echo)
		b.ReportAllocs()
		for b.Loop() {
			askSmall(b, tr)
		}
	})
	b.Run("64 at a time", func(b *testing.B) {
		tr := benchAsk(b, echo)
		b.SetParallelism(32)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				askSmall(b, tr)
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	})
	b.Run("NATS alone, one at a time", func(b *testing.B) {
		ask := benchReply(b)
		for b.Loop() {
			ask(b)
		}
	})
	b.Run("NATS alone, 64 at a time", func(b *testing.B) {
		ask := benchReply(b)
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				ask(b)
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	})
}

// benchReply returns what asks by NATS's own request and reply.
func benchReply(b *testing.B) func(*testing.B) {
	from, to := connect(b, server.ClientURL()), connect(b, server.ClientURL())
	subject := natstransport.Subject("bench", "b")
	if _, err := to.Subscribe(subject, func(msg *nats.Msg) { _ = msg.Respond(msg.Data) }); err != nil {
		b.Fatal(err)
	}
	if err := to.Flush(); err != nil {
		b.Fatal(err)
	}
	return func(b *testing.B) {
		if _, err := from.Request(subject, smallRequest, patience); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkAskLarge is an answer of 64 MiB, in parts of several lengths.
func BenchmarkAskLarge(b *testing.B) {
	const total = 64 << 20
	for _, length := range []int{4 << 10, 64 << 10, 256 << 10} {
		b.Run(fmt.Sprint(length>>10, " KiB"), func(b *testing.B) {
			tr := benchAsk(b, func(_ context.Context, _ []byte, send func([]byte) error) error {
				part := make([]byte, length)
				for range total / length {
					if err := send(part); err != nil {
						return err
					}
				}
				return nil
			})
			b.SetBytes(total)
			for b.Loop() {
				var n atomic.Int64
				err := tr.Ask(context.Background(), "b", nil, func(part []byte) error {
					n.Add(int64(len(part)))
					return nil
				})
				if err != nil || n.Load() != total {
					b.Fatal(n.Load(), err)
				}
			}
		})
	}
}
