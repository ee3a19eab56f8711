package coordinator

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/engine"
)

const (
	// maxMarkIDs bounds the marks of a state that name a record. The others tell a position alone, so that the record of
	// many shards stays below what the engine takes.
	maxMarkIDs = 256
	// maxMarkID bounds the id of a record in a mark, in bytes.
	maxMarkID = 64
)

// Mark tells how far the shard's log went, at least, when the record of the state was proposed. It is zero where the
// proposer knew nothing.
func (s *State) Mark(shard int) engine.Mark {
	if s.marks == nil {
		return engine.Mark{}
	}
	return s.marks[shard]
}

// Raise returns the state with what the proposer knows of how far the shards' logs go; s itself if that is nothing new.
func (s *State) Raise(known func(shard int) engine.Mark) *State {
	var marks []engine.Mark
	for shard := range s.Settings.Shards {
		m := known(shard)
		if m.Position <= s.Mark(shard).Position {
			continue
		}
		if marks == nil {
			marks = make([]engine.Mark, s.Settings.Shards)
			copy(marks, s.marks)
		}
		if len(m.ID) > maxMarkID || strings.ContainsAny(m.ID, " \n") {
			m.ID = ""
		}
		marks[shard] = m
	}
	if marks == nil {
		return s
	}
	next := *s
	next.marks = boundIDs(marks)
	return &next
}

// boundIDs leaves the ids out that are too many.
func boundIDs(marks []engine.Mark) []engine.Mark {
	left := maxMarkIDs
	for i := range marks {
		if marks[i].ID == "" {
			continue
		}
		if left--; left < 0 {
			marks[i].ID = ""
		}
	}
	return marks
}

// marksText is "SHARD:POSITION:ID …", in order of shard, without the shards of which nothing is known.
func marksText(marks []engine.Mark) string {
	var b []byte
	for shard, m := range marks {
		if m.Position == 0 {
			continue
		}
		if len(b) > 0 {
			b = append(b, ' ')
		}
		b = append(strconv.AppendInt(b, int64(shard), 10), ':')
		b = append(strconv.AppendUint(b, m.Position, 10), ':')
		b = append(b, m.ID...)
	}
	return string(b)
}

// parseMarks reads marksText.
func parseMarks(text string, shards int) ([]engine.Mark, error) {
	if text == "" {
		return nil, nil
	}
	marks := make([]engine.Mark, shards)
	for item := range strings.SplitSeq(text, " ") {
		name, rest, _ := strings.Cut(item, ":")
		position, id, ok := strings.Cut(rest, ":")
		shard, err1 := strconv.Atoi(name)
		at, err2 := strconv.ParseUint(position, 10, 64)
		if !ok || err1 != nil || err2 != nil || shard < 0 || shard >= shards {
			return nil, fmt.Errorf("mark %q: expected SHARD:POSITION:ID", item)
		}
		marks[shard] = engine.Mark{Position: at, ID: id}
	}
	return marks, nil
}
