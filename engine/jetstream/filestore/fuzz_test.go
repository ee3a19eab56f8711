package filestore

import (
	"encoding/binary"
	"testing"

	"github.com/klauspost/compress/s2"
)

// FuzzProposal: whatever is in a record of a Raft log, reading it ends, and what it gives lies in it.
func FuzzProposal(f *testing.F) {
	body := binary.LittleEndian.AppendUint64(nil, 41)
	body = binary.LittleEndian.AppendUint64(body, 1)
	for _, field := range []string{"q.log.0", "reply", "NATS/1.0\r\n\r\n"} {
		body = append(binary.LittleEndian.AppendUint16(body, uint16(len(field))), field...)
	}
	body = append(binary.LittleEndian.AppendUint32(body, 4), "data\x00"...)
	plain, packed := append([]byte{opMessage}, body...), append([]byte{opCompressed}, s2.Encode(nil, body)...)
	record := make([]byte, entriesAt)
	record[entriesAt-2] = 2
	for _, entry := range [][]byte{plain, packed} {
		if p, err := parseProposal(entry); err != nil || p.Subject != "q.log.0" || string(p.Data) != "data" || p.UpTo != 42 {
			f.Fatalf("%+v, %v", p, err)
		}
		record = append(binary.LittleEndian.AppendUint32(record, uint32(1+len(entry))), entryNormal)
		record = append(record, entry...)
	}
	f.Add(record)
	f.Add(record[:len(record)-9])
	f.Fuzz(func(t *testing.T, buf []byte) {
		_ = eachEntry(buf, func(_ byte, data []byte) error {
			_, _ = parseProposal(data)
			return nil
		})
	})
}

// FuzzBlock: whatever is in a block, the scan ends, each record lies where it should, and what is told as good is followed.
func FuzzBlock(f *testing.F) {
	var content []byte
	for seq := range uint64(4) {
		content = encode(f, content, seq+1, "q.log.0", "NATS/1.0\r\nNats-Rollup: sub\r\n\r\n", "data")
		content = encode(f, content, seq+1|tombstoneBit, "", "", "")
	}
	f.Add(content, uint64(0))
	f.Add(content[:len(content)-3], uint64(0))
	f.Add(append([]byte("xxxx"), content...), uint64(9))
	f.Add([]byte("cmp\x01\x20"), uint64(0))
	f.Fuzz(func(t *testing.T, buf []byte, last uint64) {
		_, _, _ = decompress(buf)
		_, _ = parseIndex(name, buf)
		r := &varints{buf: buf, version: 4}
		r.index()
		p, err := newParser(name, 1, false)
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		err = p.scan(buf, last, func(r record) error {
			if r.off < at || r.size < minRecord || r.off+r.size > len(buf) {
				t.Fatalf("record at %d of %d bytes, after %d, of %d", r.off, r.size, at, len(buf))
			}
			at = r.off + r.size
			return nil
		}, func(b badPlace) error {
			if b.off < at || b.next != 0 && b.next <= b.off {
				t.Fatalf("%+v after %d", b, at)
			}
			at = b.off
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
