package core

import (
	"maps"
	"slices"
)

// Tasks says for which shards a call is to begin, and which is to end, so that there is one while this node owns the shard, and
// never two at a time. Its zero value has none.
//
// This is what comes of each input in each state of a shard: it was not owned, or its call has returned since; a call is under
// way; that is to end; it is, and another one is to begin; or it has returned though the shard is owned, and is not made again.
// A cell has the next state, and whether a call begins or is told to end; "." is nothing, "-" can't be.
//
//	input                  none          runs        ends   waits         ended
//	it is owned            runs: begins  .           waits  .             .
//	it is owned no longer  .             ends: told  .      ends          none
//	the call returns       -             ended       none   runs: begins  -
type Tasks struct{ shards map[int]taskState }

type taskState int

const (
	runs taskState = iota + 1
	ends
	waits
	ended
)

// Own takes in which shards this node owns now, in order. The calls of those in begin are to begin, those of end to end.
func (t *Tasks) Own(owned []int) (begin, end []int) {
	if t.shards == nil {
		t.shards = map[int]taskState{}
	}
	for _, shard := range slices.Sorted(maps.Keys(t.shards)) {
		if slices.Contains(owned, shard) {
			continue
		}
		switch t.shards[shard] {
		case runs:
			t.shards[shard] = ends
			end = append(end, shard)
		case waits:
			t.shards[shard] = ends
		case ended:
			delete(t.shards, shard)
		}
	}
	for _, shard := range owned {
		switch t.shards[shard] {
		case 0:
			t.shards[shard] = runs
			begin = append(begin, shard)
		case ends:
			t.shards[shard] = waits
		}
	}
	return begin, end
}

// Returned takes in that the call for a shard has returned, and reports whether another one is to begin.
func (t *Tasks) Returned(shard int) (begin bool) {
	switch t.shards[shard] {
	case runs:
		t.shards[shard] = ended
	case ends:
		delete(t.shards, shard)
	case waits:
		t.shards[shard] = runs
		return true
	}
	return false
}

// Under reports whether a call is under way.
func (t *Tasks) Under() bool {
	for _, state := range t.shards {
		if state != ended {
			return true
		}
	}
	return false
}
