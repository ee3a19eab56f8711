package shipper_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
)

func benchEvent() event.Event {
	return event.Event{Epoch: 7, Key: "http://example.org/sensor/17", Producer: event.Producer{Name: "kafka/changes/3"}, Seq: 1,
		MediaType: "application/rdf-patch", Payload: make([]byte, 120)}
}

func benchBatch(n int) event.Batch {
	b := event.Batch{From: "a", Shard: 3, ID: 1}
	for i := range n {
		ev := benchEvent()
		ev.Seq += uint64(i)
		ev.Key = fmt.Sprintf("http://example.org/sensor/%d", i)
		b.Events = append(b.Events, ev)
	}
	return b
}

// inProcess runs a transport with a receiver "b" that counts, and waits at the end until all have arrived.
func inProcess(b *testing.B, perOp int) *shipper.InProcess {
	tr := shipper.NewInProcess(0)
	var arrived atomic.Uint64
	err := tr.RegisterRoute("b", shipper.ReceiverFunc(func(_ context.Context, in event.Batch) error {
		arrived.Add(uint64(len(in.Events)))
		return nil
	}))
	if err != nil {
		b.Fatal(err)
	}
	stop := start(tr)
	b.Cleanup(func() {
		want := uint64(b.N * perOp)
		if err := stop(); err != nil || arrived.Load() != want {
			b.Errorf("%d events of %d arrived; Run: %v", arrived.Load(), want, err)
		}
	})
	return tr
}

func BenchmarkShipLocal(b *testing.B) {
	s := shipper.New("b", nil, shipper.WithReceiver(shipper.ReceiverFunc(func(context.Context, event.Batch) error { return nil })))
	ev := benchEvent()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Ship(context.Background(), "b", 3, ev); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkShipInProcess is one event through the queue, with its receiver running beside.
func BenchmarkShipInProcess(b *testing.B) {
	s := shipper.New("a", inProcess(b, 1), shipper.WithShards(8))
	ev := benchEvent()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Ship(context.Background(), "b", 3, ev); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkShipInProcessParallel(b *testing.B) {
	s := shipper.New("a", inProcess(b, 1), shipper.WithShards(8))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		ev := benchEvent()
		for pb.Next() {
			if err := s.Ship(context.Background(), "b", 3, ev); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkShipBatchInProcess(b *testing.B) {
	for _, n := range []int{16, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := shipper.New("a", inProcess(b, n), shipper.WithShards(8))
			batch := benchBatch(n)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.ShipBatch(context.Background(), "b", batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
		})
	}
}

// BenchmarkChannel is what the queue is measured against: the same events through a Go channel of the same capacity, by
// value, to a receiver that only takes them.
func BenchmarkChannel(b *testing.B) {
	ch := make(chan event.Event, shipper.DefaultCapacity)
	done := make(chan struct{})
	go func() {
		for range ch {
		}
		close(done)
	}()
	ev := benchEvent()
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		select {
		case ch <- ev:
		case <-ctx.Done():
		}
	}
	close(ch)
	<-done
}

func BenchmarkCodec(b *testing.B) {
	for _, n := range []int{1, 256} {
		batch := benchBatch(n)
		frame, err := shipper.AppendBatch(nil, &batch)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("encode/%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			buf := frame
			for b.Loop() {
				if buf, err = shipper.AppendBatch(buf[:0], &batch); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("decode/%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			var out event.Batch
			for b.Loop() {
				if err := shipper.DecodeBatch(frame, &out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
