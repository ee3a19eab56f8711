package daemon

import (
	"maps"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
)

// sourceStatus is how a source is, as it goes over the wire.
func sourceStatus(of config.Source, s *pipeline.Source, committed *coordinator.State) client.SourceStatus {
	st := s.Status()
	out := client.SourceStatus{Name: of.Name, Type: of.Type, Home: st.Home, Running: st.Running, Ended: st.Ended,
		Switch: switchOf(committed.Switch(pipeline.SourceKind.Switch(of.Name))), Messages: st.Messages, Rejected: st.Rejected, Rate: st.Rate,
		Failing: failureOf(st.Failure), Tries: triesOf(st.Tries)}
	for _, stream := range st.Streams {
		one := streamOf(stream)
		if one.Lag != nil {
			out.Lag = sumOf(out.Lag, *one.Lag)
		}
		if len(out.Streams) < client.MaxStreams {
			out.Streams = append(out.Streams, one)
		}
	}
	return out
}

// streamOf is how far a stream is, as it goes over the wire.
func streamOf(st pipeline.StreamStatus) client.SourceStream {
	out := client.SourceStream{Stream: st.Stream, Next: st.Next}
	if st.Known {
		out.First, out.End, out.Lag = &st.First, &st.End, &client.Lag{Count: st.Lag}
		if st.Bytes {
			out.Lag.Unit = client.UnitBytes
		}
		if st.Lag > 0 {
			out.Lag.Seconds = secondsOf(st.Behind)
		}
	}
	return out
}

// sumOf adds the lag of a stream to that of others; nil: there are none.
func sumOf(all *client.Lag, one client.Lag) *client.Lag {
	if all == nil {
		return &one
	}
	all.Count += one.Count
	if one.Seconds != nil && (all.Seconds == nil || *one.Seconds > *all.Seconds) {
		all.Seconds = one.Seconds
	}
	return all
}

// secondsOf is a time as it goes over the wire.
func secondsOf(d time.Duration) *float64 {
	seconds := d.Round(time.Millisecond).Seconds()
	return &seconds
}

// sinkStatus is how a sink is, as it goes over the wire, without the lags, which need the logs' ends. A shard that could never be
// written has no position yet.
func sinkStatus(of config.Sink, s *pipeline.Sink, committed *coordinator.State) client.SinkStatus {
	out := client.SinkStatus{Name: of.Name, Type: of.Type, Promise: s.Promise().String(), Rate: s.Rate(),
		Switch: switchOf(committed.Switch(pipeline.SinkKind.Switch(of.Name)))}
	shards := s.Shards()
	for _, shard := range slices.Sorted(maps.Keys(shards)) {
		st := shards[shard]
		one := client.SinkShard{Shard: shard, Paused: st.Paused, ID: st.At.ID, Failing: failureOf(st.Failure), Tries: triesOf(st.Tries)}
		if st.Opened {
			one.Position, one.Lag = &st.At.Position, &client.Lag{}
		}
		if !st.Oldest.IsZero() && one.Lag != nil {
			one.Lag.Seconds = secondsOf(max(time.Since(st.Oldest), 0))
		}
		out.Shards = append(out.Shards, one)
	}
	return out
}

// switchOf is a switch as it goes over the wire.
func switchOf(w coordinator.Switch) client.Switch {
	out := client.Switch{Paused: w.Paused, By: w.By, Epoch: w.Epoch}
	if !w.Since.IsZero() {
		out.Since = &w.Since
	}
	return out
}

// failureOf is a failure as it goes over the wire; nil if there is none.
func failureOf(f pipeline.Failure) *client.Failure {
	if f.Err == nil {
		return nil
	}
	return &client.Failure{Since: f.Since, Error: f.Err.Error()}
}

// triesOf is what has failed, as it goes over the wire.
func triesOf(t pipeline.Tries) client.Tries {
	out := client.Tries{Retries: t.Retries}
	if t.LastError != nil {
		out.LastError = &client.LastError{At: t.LastAt, Error: t.LastError.Error()}
	}
	return out
}
