package filestore

import (
	"encoding/binary"
	"testing"
)

// encode appends a record as the server writes it to the first block.
func encode(t testing.TB, dst []byte, seq uint64, subject, header, data string) []byte {
	t.Helper()
	return encodeIn(t, dst, name+"-1", seq, subject, header, data)
}

// encodeIn appends a record as the server writes it to a block, which is named by stream and number.
func encodeIn(t testing.TB, dst []byte, block string, seq uint64, subject, header, data string) []byte {
	t.Helper()
	sum, err := newSum(block)
	if err != nil {
		t.Fatal(err)
	}
	length := uint32(minRecord + len(subject) + len(data))
	var h []byte
	if header != "" {
		h = binary.LittleEndian.AppendUint32(nil, uint32(len(header)))
		length += uint32(len(h)+len(header)) | headersBit
	}
	dst = binary.LittleEndian.AppendUint32(dst, length)
	fixed := binary.LittleEndian.AppendUint64(nil, seq)
	fixed = binary.LittleEndian.AppendUint64(fixed, 1_700_000_000_000_000_000)
	dst = append(dst, fixed...)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(subject)))
	dst = append(append(append(append(dst, subject...), h...), header...), data...)
	sum.Write(fixed)
	sum.Write([]byte(subject + header + data))
	return sum.Sum(dst)
}
