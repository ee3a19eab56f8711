package file

import "hash/crc32"

// position is a place in a file, and a proof of what stood before it there: so a place can be told to be one of another content.
// As the offset of a message it stands in the shards, in 64 bits: 44 for the place, 1 for the end, 19 for the proof.
type position struct {
	// end is where a message ends, in bytes of the content: of what is compressed, as it is when decompressed.
	end int64
	// final: it is the last message of a file that is not followed.
	final bool
	// check is the sum of the bytes before end, proven at most, or, if final, that of the file as it is on the disk. 0: there
	// is none.
	check uint32
}

const (
	endShift = 20
	finalBit = 1 << 19
	// proven is how many bytes before a place are summed at most.
	proven = 1 << 10
)

// maxEnd bounds a file, in bytes: 16 TiB.
const maxEnd = 1<<(64-endShift) - 1

// offset makes an offset of a position.
func (p position) offset() uint64 {
	offset := uint64(p.end)<<endShift | uint64(p.check)
	if p.final {
		offset |= finalBit
	}
	return offset
}

// EndOf returns the byte behind a message, of the content of its file, that an offset of a source's message stands for.
func EndOf(offset uint64) int64 { return positionOf(offset).end }

// positionOf is what an offset was made of.
func positionOf(offset uint64) position {
	return position{end: int64(offset >> endShift), final: offset&finalBit != 0, check: uint32(offset % finalBit)}
}

// sumOf is the sum of bytes, as a position has it.
func sumOf(text []byte) uint32 {
	return 1 + crc32.Checksum(text, castagnoli)%(finalBit-1)
}

// sumBefore is the sum of the end of a text.
func sumBefore(text []byte) uint32 { return sumOf(text[max(0, len(text)-proven):]) }

// fits reports whether the text before a position is the one that it was made of.
func (p position) fits(before []byte) bool {
	return p.end == 0 || p.check == 0 || p.check == sumBefore(before)
}
