package status

import (
	"cmp"
	"maps"
	"slices"

	"github.com/quadrille-stream/quadrille/client"
)

// Missing are the members that did not answer, in order of name.
func Missing(replies map[string]Reply) (list []client.Missing) {
	for _, name := range slices.Sorted(maps.Keys(replies)) {
		if err := replies[name].Err; err != nil {
			list = append(list, client.Missing{Node: name, Error: err.Error()})
		}
	}
	return list
}

// Sources makes one view of what the nodes say of their sources.
func Sources(replies map[string]Reply) (list []client.Source) {
	known := map[string]*client.Source{}
	for _, node := range answered(replies) {
		for _, st := range replies[node].Status.Sources {
			of := known[st.Name]
			if of == nil {
				of = &client.Source{SourceStatus: st}
				known[st.Name] = of
			}
			newest := newer(of.Switch, st.Switch)
			if here := st.Running || st.Ended; here && (of.Node == "" || st.Running) {
				of.SourceStatus, of.Node = st, node
			}
			of.Switch = newest
		}
	}
	missing := len(Missing(replies)) > 0
	for _, name := range slices.Sorted(maps.Keys(known)) {
		of := known[name]
		of.State = stateOf(of.Switch.Paused, of.Running, of.Failing, of.Running, of.Ended, missing)
		list = append(list, *of)
	}
	return list
}

// answered are the nodes that have, in order of name.
func answered(replies map[string]Reply) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(replies)) {
		if replies[name].Err == nil {
			names = append(names, name)
		}
	}
	return names
}

// newer is the switch that is known better.
func newer(a, b client.Switch) client.Switch {
	if b.Epoch > a.Epoch {
		return b
	}
	return a
}

// stateOf is the word for how a source or sink is: whether a connection of it is open somewhere, whether it runs as it should, has
// ended, and whether some node that may know more did not answer.
func stateOf(paused, open bool, failing *client.Failure, running, ended, missing bool) string {
	switch {
	case paused && open:
		return client.StatePausing
	case paused:
		return client.StatePaused
	case failing != nil:
		return client.StateFailing
	case running:
		return client.StateRunning
	case ended:
		return client.StateEnded
	case missing:
		return client.StateUnknown
	}
	return client.StateWaiting
}

// Sinks makes one view of what the nodes say of their sinks; the pipeline has so many shards.
func Sinks(replies map[string]Reply, shards int) (list []client.Sink) {
	known := map[string]*client.Sink{}
	for _, node := range answered(replies) {
		for _, st := range replies[node].Status.Sinks {
			of := known[st.Name]
			if of == nil {
				of = &client.Sink{SinkStatus: client.SinkStatus{Name: st.Name, Type: st.Type, Promise: st.Promise}}
				known[st.Name] = of
			}
			of.Switch, of.Rate = newer(of.Switch, st.Switch), of.Rate+st.Rate
			for _, shard := range st.Shards {
				shard.Node = node
				of.Shards = append(of.Shards, shard)
			}
		}
	}
	missing := len(Missing(replies)) > 0
	for _, name := range slices.Sorted(maps.Keys(known)) {
		of := known[name]
		slices.SortFunc(of.Shards, func(a, b client.SinkShard) int { return cmp.Compare(a.Shard, b.Shard) })
		sum(of)
		open := slices.ContainsFunc(of.Shards, func(shard client.SinkShard) bool { return !shard.Paused })
		of.State = stateOf(of.Switch.Paused, open, of.Failing, len(of.Shards) >= shards, false, missing)
		list = append(list, *of)
	}
	return list
}

// sum adds up what is known of the shards.
func sum(of *client.Sink) {
	all := &client.Lag{}
	for _, shard := range of.Shards {
		of.Retries += shard.Retries
		if e := shard.LastError; e != nil && (of.LastError == nil || e.At.After(of.LastError.At)) {
			of.LastError = e
		}
		if f := shard.Failing; f != nil && (of.Failing == nil || f.Since.Before(of.Failing.Since)) {
			of.Failing = f
		}
		if shard.Lag == nil {
			all = nil
		}
		if all != nil {
			all = both(all, shard.Lag)
		}
	}
	if len(of.Shards) > 0 {
		of.Lag = all
	}
}

// both is the lag of two shards.
func both(a, b *client.Lag) *client.Lag {
	sum := client.Lag{Count: a.Count + b.Count, Seconds: a.Seconds}
	if b.Seconds != nil && (sum.Seconds == nil || *b.Seconds > *sum.Seconds) {
		sum.Seconds = b.Seconds
	}
	return &sum
}
