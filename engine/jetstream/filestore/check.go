package filestore

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// objects is what the names of streams of objects begin with.
const objects = "OBJ_"

// Headers of the server's that prove what was before a message.
const (
	headerExpected = "Nats-Expected-Last-Subject-Sequence"
	headerRollup   = "Nats-Rollup"
)

// checker looks at the blocks of a stream one after the other.
type checker struct {
	s      *Stream
	report *Report
	blocks []block

	last     uint64                 // highest sequence of a message, erased ones included
	highest  uint64                 // the same with tombstones
	read     map[uint32]*blockState // by number; not there for a block that can't be read
	subjects map[string]*subjectState
	// replaced are messages with Nats-Rollup that name none before, such as barriers: the next one replaces them, and
	// their tombstones are not kept, as a busy stream has millions of them.
	replaced map[uint64]bool
	gaps     []gap
	cut      uint64 // the first sequence that isn't certain
	ended    int    // the damage that is the bad end of a block, behind which nothing good has come yet; -1: none
	sum      []byte // the last bytes of the newest block
	// index is the state file, read before the blocks: while the server runs it writes the blocks first. nil: there is none.
	index *index
	// chunks is what the subjects of parts of objects begin with, "" if the stream has none.
	chunks string
}

// blockState is what is known of a block that was read.
type blockState struct {
	last  uint64 // highest sequence of a message up to its end, those of the blocks before included
	end   int64  // where its last message ends; 0 if it has none
	holed bool   // it has a bad place
}

// subjectState is what is known of a subject while its messages are read in order.
type subjectState struct {
	last  uint64 // sequence of the last message
	first uint64 // sequence of the first
	late  uint64 // the one that the first names
	old   uint64 // the one of replaced before the last one
}

// gap is a place where messages seem to be missing. It is none if the message before it is deleted: then the subject was
// trimmed, and what is left of the trimmed part doesn't matter.
type gap struct {
	before  uint64 // the message before it
	missing uint64 // that which should be
	damage  Damage
}

// maxGaps bounds the gaps that are remembered, per stream.
const maxGaps = 10_000

// Check reads all files of the stream and says what is wrong with them. Its error is that of ctx, or of a folder that
// can't be listed; what is wrong with the files is in the report.
//
// It needs the memory of one block, of the subjects, and of one sequence for each deleted message that is still in the
// files.
func (s *Stream) Check(ctx context.Context) (*Report, error) {
	index := s.readIndex()
	list, err := s.blocks()
	if err != nil {
		return nil, fmt.Errorf("check stream %s: %w", s.name, err)
	}
	c := &checker{s: s, blocks: list, report: &Report{Stream: s.name}, read: map[uint32]*blockState{},
		subjects: map[string]*subjectState{}, replaced: map[uint64]bool{}, cut: math.MaxUint64, ended: -1, index: index}
	if bucket, ok := strings.CutPrefix(s.name, objects); ok {
		c.chunks = "$O." + bucket + ".C."
	}
	s.deleted = nil
	var buf []byte
	for i, b := range list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if buf, err = c.block(b, i == len(list)-1, buf); err != nil {
			return nil, err
		}
	}
	if c.ended >= 0 {
		c.report.Damages[c.ended].Kind = Unsynced
	}
	slices.Sort(s.deleted)
	s.checked = true
	c.finish()
	if c.cut != math.MaxUint64 {
		c.report.Cut = c.place()
	}
	return c.report, nil
}

func (c *checker) deleted(seq uint64) bool {
	_, found := slices.BinarySearch(c.s.deleted, seq)
	return found
}

// damaged notes a damage, and that nothing from seq on is certain.
func (c *checker) damaged(seq uint64, path string, off int, kind Kind, format string, args ...any) {
	c.note(Damage{c.s.name, path, int64(off), kind, fmt.Sprintf(format, args...)})
	c.cut = min(c.cut, seq)
}

func (c *checker) note(d Damage) {
	if len(c.report.Damages) == MaxDamages {
		c.report.More++
		return
	}
	c.report.Damages = append(c.report.Damages, d)
}

// block checks one block, and returns the buffer for the next.
func (c *checker) block(b block, newest bool, buf []byte) ([]byte, error) {
	p, err := newParser(c.s.name, b.number, c.s.raft)
	if err != nil {
		return buf, err
	}
	c.report.Blocks++
	content, is, err := readBlock(b.path, buf)
	if err != nil {
		c.damaged(c.last+1, b.path, 0, Unreadable, "the block can't be read: %v", err)
		return buf, nil
	}
	c.report.Bytes += int64(len(content))
	c.read[b.number] = &blockState{}
	err = p.scan(content, c.last, func(r record) error {
		c.record(b, r)
		return nil
	}, func(bad badPlace) error {
		c.bad(b, newest, bad)
		return nil
	})
	c.read[b.number].last = c.last
	if is == mixed {
		c.read[b.number].holed = true
		c.damaged(c.last+1, b.path, len(content), Altered, "the compressed block is cut off or altered, or something was appended to it")
	}
	if newest && len(content) >= sumLen {
		c.sum = bytes.Clone(content[len(content)-sumLen:])
	}
	return content, err
}

// bad tells the torn end of the newest block from damage.
func (c *checker) bad(b block, newest bool, bad badPlace) {
	c.read[b.number].holed = true
	switch {
	case newest && bad.next == 0:
		c.report.Torn = &Damage{c.s.name, b.path, int64(bad.off), Short,
			fmt.Sprintf("%v, and no good record follows: the end is torn", bad.err)}
	case bad.next == 0:
		c.damaged(c.last+1, b.path, bad.off, Altered, "%v, and no good record follows in this sealed block", bad.err)
		if n := len(c.report.Damages) - 1; c.report.More == 0 && c.ended < 0 && c.replicated() {
			c.ended = n
		}
	default:
		c.damaged(c.last+1, b.path, bad.off, Altered, "%v; the next good record is at %d", bad.err, bad.next)
	}
}

func (c *checker) record(b block, r record) {
	c.highest = max(c.highest, r.seq)
	if c.ended >= 0 && b.path != c.report.Damages[c.ended].File {
		c.ended = -1 // something good follows
	}
	if r.kind == tombstone {
		if c.replaced[r.seq] {
			delete(c.replaced, r.seq)
			return
		}
		c.s.deleted = append(c.s.deleted, r.seq)
		return
	}
	if r.seq <= c.last { // the server leaves such a record out, too
		return
	}
	if c.s.raft && c.last > 0 && r.seq != c.last+1 {
		c.gap(b, r, c.last, c.last+1)
	}
	c.last, c.read[b.number].end = r.seq, int64(r.off+r.size)
	if r.kind == message {
		c.message(b, r)
	}
}

func (c *checker) gap(b block, r record, before, missing uint64) {
	if len(c.gaps) == maxGaps {
		return
	}
	what := fmt.Sprintf("message %d of %s names %d as the one before it, but that is %d", r.seq, r.subject, missing, before)
	if c.s.raft {
		what = fmt.Sprintf("entry %d comes after %d", r.seq, before)
	}
	c.gaps = append(c.gaps, gap{before, missing, Damage{c.s.name, b.path, int64(r.off), Gap, what}})
}

// message checks what a message says of the one before it. A part of an object says nothing that can be relied on: those of one that was
// deleted are there again, in part, where a killed server has taken its deletion back (see [Undeleted]), with gaps where other blocks have
// vanished. That an object is whole its digest says, which its description has.
func (c *checker) message(b block, r record) {
	c.report.Messages++
	if c.report.First == 0 {
		c.report.First = r.seq
	}
	c.report.Last = r.seq
	if c.s.raft || c.chunks != "" && bytes.HasPrefix(r.subject, []byte(c.chunks)) {
		return
	}
	s := c.subjects[string(r.subject)]
	if s == nil {
		s = &subjectState{first: r.seq}
		c.subjects[string(r.subject)] = s
	}
	switch before, named := expected(r.header); {
	case headerValue(r.header, headerRollup) != nil:
		s.late = 0
		if !named {
			delete(c.replaced, s.old)
			s.old = s.last
			c.replaced[r.seq] = true
		}
	case !named:
	case s.last == 0:
		s.late = before
	case before != s.last:
		// What is missing came after the message before it; where the earlier one is named, this one is wrong.
		missing := before
		if before < s.last {
			missing = r.seq
		}
		c.gap(b, r, s.last, missing)
	}
	s.last = r.seq
}

// finish draws the conclusions that need all blocks.
func (c *checker) finish() {
	for _, g := range c.gaps {
		if !c.deleted(g.before) {
			c.note(g.damage)
			c.cut = min(c.cut, g.missing)
		}
	}
	c.late()
	c.compareIndex()
	if len(c.blocks) == 0 && !c.s.raft {
		c.damaged(1, filepath.Join(c.s.dir, Messages), 0, Missing, "there are no blocks, and a stream has one from its beginning")
	}
}

func (c *checker) late() {
	for subject, s := range c.subjects {
		if s.late > 0 && !c.deleted(s.first) {
			if c.report.Late == nil {
				c.report.Late = map[string]uint64{}
			}
			c.report.Late[subject] = s.late
		}
	}
}

// compareIndex looks for what the state file knows of and the blocks don't hold.
func (c *checker) compareIndex() {
	x := c.index
	if x == nil {
		return
	}
	path := c.s.IndexPath()
	if x.last > c.highest {
		c.short(path, fmt.Sprintf("the stream went up to message %d when this was written, and the blocks end with %d",
			x.last, c.highest))
	}
	for _, b := range x.blocks {
		if !c.there(b.number) && b.live && c.needed(x, b) {
			c.damaged(b.first, c.s.BlockPath(b.number), 0, Missing,
				"the block isn't there; it held messages %d to %d", b.first, b.last)
		}
	}
}

// short notes that the blocks end before the stream did. With several replicas the server confirms messages before it
// writes them to the blocks, since they are in the Raft log: a kill leaves this, and the server mends it.
func (c *checker) short(path, what string) {
	if c.replicated() {
		if c.report.Torn == nil {
			c.report.Torn = &Damage{c.s.name, path, 0, Short, what}
		}
		return
	}
	c.damaged(c.highest+1, path, 0, Short, "%s", what)
}

func (c *checker) replicated() bool {
	m, err := c.s.Meta()
	return err == nil && m.Replicas > 1
}

// needed reports whether a block that isn't there should be: if nothing was written since the index was, or a message
// that is left names one in it. (A log that was trimmed after the index was written, so that the block vanished, looks the
// same; nothing trims yet.)
func (c *checker) needed(x *index, b indexBlock) bool {
	if n := len(c.blocks); n > 0 && c.blocks[n-1].number == x.newest && bytes.Equal(c.sum, x.sum[:]) {
		return true
	}
	for _, named := range c.report.Late {
		if b.first <= named && named <= b.last {
			return true
		}
	}
	return false
}

func (c *checker) there(number uint32) bool {
	return slices.ContainsFunc(c.blocks, func(b block) bool { return b.number == number })
}

// place finds where the last message ends before that which isn't certain. Tombstones that stand behind it are behind the
// cut: the server would take their sequences for the end of the stream, and never ask others for what is missing.
func (c *checker) place() *Cut {
	cut := &Cut{Seq: 1}
	for _, b := range c.blocks {
		s := c.read[b.number]
		if s == nil {
			return cut
		}
		if s.last < c.cut && !s.holed {
			if s.end > 0 {
				*cut = Cut{b.number, s.end, s.last + 1}
			}
			continue
		}
		c.placeIn(b, cut)
		return cut
	}
	return cut
}

// placeIn moves the cut behind the last certain message of a block.
func (c *checker) placeIn(b block, cut *Cut) {
	content, _, err := readBlock(b.path, nil)
	if err != nil {
		return
	}
	p, err := newParser(c.s.name, b.number, c.s.raft)
	if err != nil {
		return
	}
	for at := 0; at < len(content); {
		r, err := p.parse(content, at)
		if err != nil || r.kind != tombstone && r.seq >= c.cut {
			return
		}
		at += r.size
		if r.kind != tombstone && r.seq >= cut.Seq {
			*cut = Cut{b.number, int64(at), r.seq + 1}
		}
	}
}

// expected is the sequence of the message before, as the header tells it.
func expected(header []byte) (uint64, bool) {
	v := headerValue(header, headerExpected)
	n, err := strconv.ParseUint(string(v), 10, 64)
	return n, err == nil
}

// headerValue returns nil if there is no such header.
func headerValue(header []byte, name string) []byte {
	for len(header) > 0 {
		line, rest, _ := bytes.Cut(header, []byte("\r\n"))
		if key, value, ok := bytes.Cut(line, []byte(":")); ok && string(key) == name {
			return bytes.TrimSpace(value)
		}
		header = rest
	}
	return nil
}
