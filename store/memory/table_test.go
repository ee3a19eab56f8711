package memory

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// values returns what a table finds by a hash.
func (t *table) values(hash uint32) (list []uint32) {
	p := t.probe(hash)
	for v := p.next(); v != 0; v = p.next() {
		list = append(list, v)
	}
	slices.Sort(list)
	return list
}

// checkTable fails unless the table has these values, by their hashes, and its directory is in order.
func checkTable(t *rapid.T, index *table, want map[uint32][]uint32) {
	n, used := 0, 0
	for hash, values := range want {
		n += len(values)
		slices.Sort(values)
		if got := index.values(hash); !slices.Equal(got, values) {
			t.Fatalf("hash %#x: %d, expected %d", hash, got, values)
		}
	}
	seen := map[*segment]int{}
	for i, seg := range index.dir {
		if seen[seg] == 0 {
			used += int(seg.used)
		}
		seen[seg]++
		for _, slot := range seg.slots {
			if slot != 0 && index.segment(uint32(slot>>32)) != seg {
				t.Fatalf("slot %#x is in the wrong segment, that of %d", slot, i)
			}
		}
	}
	for seg, times := range seen {
		if times != 1<<(index.depth-seg.depth) {
			t.Fatalf("a segment of depth %d is %d times in the directory of depth %d", seg.depth, times, index.depth)
		}
	}
	if used != n {
		t.Fatalf("%d slots are used for %d values", used, n)
	}
}

func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		index, want, last := newTable(), map[uint32][]uint32{}, uint32(0)
		// Few high bits, among ones, make long runs that go around the end.
		low, high := rapid.IntRange(10, 16).Draw(t, "low bits"), rapid.IntRange(9, 16).Draw(t, "high bits")
		state := rapid.Uint64().Draw(t, "seed")
		random := func() uint32 {
			state = mix(state+0x9e3779b97f4a7c15, 0xd6e8feb86659fd93)
			return uint32(state)&(1<<low-1) | ^(uint32(state>>32)&(1<<high-1))<<16
		}
		part := rapid.Uint32Range(0, 7) // of the hashes, so that segments are of different depth
		insert := func(bits, mask uint32) {
			hash := random()&^mask | bits&mask
			if len(want[hash]) > 20 || len(want) > 3*segmentSlots {
				return // the hashes would not spread, or the test take long
			}
			last++
			index.insert(hash, last)
			want[hash] = append(want[hash], last)
		}
		remove := func(hash uint32) {
			values := want[hash]
			index.remove(hash, values[0])
			if want[hash] = values[1:]; len(values) == 1 {
				delete(want, hash)
			}
		}
		some := func(n int, bits, mask uint32, do func(hash uint32)) {
			for hash := range want {
				if hash&mask != bits&mask {
					continue
				}
				if n--; n < 0 {
					return
				}
				do(hash)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"check": func(t *rapid.T) { checkTable(t, &index, want) },
			"insert": func(t *rapid.T) {
				bits, mask := part.Draw(t, "bits"), part.Draw(t, "mask")
				for range rapid.IntRange(1, 500).Draw(t, "n") {
					insert(bits, mask)
				}
			},
			"remove": func(t *rapid.T) {
				some(rapid.IntRange(1, 1000).Draw(t, "n"), part.Draw(t, "bits"), part.Draw(t, "mask"), remove)
			},
			"replace": func(t *rapid.T) {
				some(50, 0, 0, func(hash uint32) {
					last++
					index.replace(hash, want[hash][0], last)
					want[hash][0] = last
				})
			},
		})
		checkTable(t, &index, want)
	})
}
