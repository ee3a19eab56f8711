package node

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Positions holds a log position per shard: the cursor of a reader. Its text form is "0:17,3:42", in order of shard.
type Positions map[int]uint64

// String returns the text form; "" for no positions, which is the start of every log.
func (p Positions) String() string {
	shards := make([]int, 0, len(p))
	for s := range p {
		shards = append(shards, s)
	}
	slices.Sort(shards)
	var b strings.Builder
	for i, s := range shards {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d:%d", s, p[s])
	}
	return b.String()
}

// ParsePositions reads the text form.
func ParsePositions(text string) (Positions, error) {
	p := Positions{}
	if text == "" {
		return p, nil
	}
	for pair := range strings.SplitSeq(text, ",") {
		shard, position, ok := strings.Cut(pair, ":")
		s, err1 := strconv.ParseUint(shard, 10, 31)
		at, err2 := strconv.ParseUint(position, 10, 64)
		if _, twice := p[int(s)]; !ok || err1 != nil || err2 != nil || twice {
			return nil, fmt.Errorf("position %q in %q: expected SHARD:POSITION, each shard once", pair, text)
		}
		p[int(s)] = at
	}
	return p, nil
}
