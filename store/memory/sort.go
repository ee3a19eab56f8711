package memory

import "math/bits"

// sortSteps are the components by which quads are sorted, one after the other, for the order of one tree after the other. A sort
// leaves what it finds equal in the order of the steps before, so that most trees need but one or two.
var sortSteps = [orders]struct {
	tree int
	by   []uint8
}{
	{spog, []uint8{3, 2, 1, 0}}, {ospg, []uint8{2}}, {posg, []uint8{1}}, {gpos, []uint8{3}}, {gspo, []uint8{0, 3}}, {gosp, []uint8{2, 3}},
}

// sorting sorts quads by their digits, the least first.
type sorting struct{ quads, room []quad }

// digitBits is the size of a digit: the counts of all are 8 KiB.
const digitBits = 11

// by sorts by a component.
func (s *sorting) by(c uint8) {
	some, all := uint64(0), ^uint64(0)
	for i := range s.quads {
		id := s.quads[i].id(c)
		some |= id
		all &= id
	}
	for differ := some &^ all; differ != 0; {
		shift := bits.TrailingZeros64(differ)
		s.digit(c, shift)
		differ &^= (1<<digitBits - 1) << shift
	}
}

// digit sorts by one digit of a component.
func (s *sorting) digit(c uint8, shift int) {
	const mask = 1<<digitBits - 1
	var next [1 << digitBits]uint32 // where the next quad with a digit goes
	for i := range s.quads {
		next[s.quads[i].id(c)>>shift&mask]++
	}
	sum := uint32(0)
	for d, n := range next {
		next[d] = sum
		sum += n
	}
	for i := range s.quads {
		to := &next[s.quads[i].id(c)>>shift&mask]
		s.room[*to] = s.quads[i]
		*to++
	}
	s.quads, s.room = s.room, s.quads
}
