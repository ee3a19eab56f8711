package enginetest

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/engine"
)

// modelShards is how many logs the model test uses, one after the other.
const modelShards = 100

// model: random operations against a slice.
func (s suite) model(t *testing.T) {
	ctx := limited(t)
	e := s.open(t, 1, modelShards)[0]
	logs := make([]*modelLog, modelShards)
	for i := range logs {
		logs[i] = &modelLog{ctx: ctx, engine: e, shard: i, log: e.Shard(i)}
	}
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		m := logs[run%modelShards] // goes on from where an earlier run ended
		run++
		operations := map[string]func(*rapid.T){
			"append": m.append, "refuse": m.refuse, "read": m.read, "follow": m.follow, "trim": m.trim, "tail": m.tail, "end": m.end,
		}
		names := []string{"append", "append", "append", "refuse", "read", "follow", "trim", "tail", "end"}
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 1, 20).Draw(rt, "operations") {
			operations[name](rt)
		}
	})
}

// modelLog is a log and what it must hold.
type modelLog struct {
	ctx     context.Context
	engine  engine.Engine
	shard   int
	log     engine.ShardLog // of the shard
	list    []engine.Entry
	trimmed uint64 // the highest position that is gone
}

func (m *modelLog) last() engine.Entry {
	if len(m.list) == 0 {
		return engine.Entry{}
	}
	return m.list[len(m.list)-1]
}

func (m *modelLog) append(t *rapid.T) {
	payload := rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "payload")
	seq := add(m.ctx, t, m.log, m.last().Seq, payload)
	m.list = append(m.list, engine.Entry{Seq: seq, Payload: payload})
}

func (m *modelLog) refuse(t *rapid.T) {
	expect := rapid.Uint64Range(0, m.last().Seq+3).Draw(t, "expect")
	if expect == m.last().Seq {
		return // it would be accepted
	}
	refuse(m.ctx, t, m.log, expect, []byte("refused"))
}

// position draws one that is likely to be near an entry.
func (m *modelLog) position(t *rapid.T) uint64 {
	if len(m.list) == 0 || rapid.Bool().Draw(t, "anywhere") {
		return rapid.Uint64Range(0, m.last().Seq+3).Draw(t, "position")
	}
	return rapid.SampledFrom(m.list).Draw(t, "entry").Seq + rapid.Uint64Range(0, 1).Draw(t, "after")
}

func (m *modelLog) read(t *rapid.T) {
	seq := m.position(t)
	var got []engine.Entry
	tail, err := m.log.Read(m.ctx, seq, func(e engine.Entry) error {
		got = append(got, e)
		return nil
	})
	if seq <= m.trimmed && m.trimmed > 0 {
		checkIs(t, "Read", err, engine.ErrTrimmed)
		return
	}
	if err != nil || tail != m.last().Seq {
		t.Fatalf("Read from %d: tail %d, %v; want tail %d", seq, tail, err, m.last().Seq)
	}
	checkSame(t, "Read", from(m.list, seq), got)
}

// follow follows until it has all.
func (m *modelLog) follow(t *rapid.T) {
	seq := m.position(t)
	want := from(m.list, seq)
	if len(want) == 0 || m.trimmed > 0 && seq <= m.trimmed {
		return // there is nothing to follow
	}
	var got []engine.Entry
	err := m.log.Follow(m.ctx, seq, func(e engine.Entry) error {
		if got = append(got, e); len(got) == len(want) {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("Follow from %d: %v", seq, err)
	}
	checkSame(t, "Follow", want, got)
}

func (m *modelLog) trim(t *rapid.T) {
	before := m.position(t)
	if err := m.log.Trim(m.ctx, before); err != nil {
		t.Fatalf("Trim before %d: %v", before, err)
	}
	for len(m.list) > 1 && m.list[0].Seq < before {
		m.trimmed = m.list[0].Seq
		m.list = m.list[1:]
	}
}

func (m *modelLog) end(t *rapid.T) {
	checkEnds(m.ctx, t, m.engine, map[int]uint64{m.shard: m.last().Seq})
}

func (m *modelLog) tail(t *rapid.T) { checkTail(m.ctx, t, m.log, m.last()) }
