package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Cursor says, per shard, which record a reader has read last; it goes on after it. A shard that is not in it is read
// from its start, as with the zero Mark.
//
// Its text form is "0:17:ID,3:42:ID", in order of shard: the number, the position, and the first 16 characters of the hash
// in the record's id. The id proves that the log still is the one that was read. A person may leave it out, as in "0:17";
// what a node hands out has it. [ParseCursor] leaves the ids as short as they are in the text.
type Cursor map[int]Mark

// idLength is how much of the hash of a record's id is in a cursor: 96 bits, so that 4,096 shards make 120 KB.
const idLength = 16

// ShortID returns what a cursor holds of a record's id; of one that is short already, all.
func ShortID(id string) string {
	hash := id[strings.LastIndexByte(id, ';')+1:]
	return hash[:min(idLength, len(hash))]
}

// Names reports whether the mark, whose id may be short or unknown, can be that of the record with this id.
func (m Mark) Names(id string) bool { return m.ID == "" || ShortID(m.ID) == ShortID(id) }

// String returns the text form; "" for no shards, which is the start of every log.
func (c Cursor) String() string {
	shards := make([]int, 0, len(c))
	for s := range c {
		shards = append(shards, s)
	}
	slices.Sort(shards)
	text := make([]byte, 0, len(c)*32)
	for i, s := range shards {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, int64(s), 10)
		text = strconv.AppendUint(append(text, ':'), c[s].Position, 10)
		if id := c[s].ID; id != "" {
			text = append(append(text, ':'), ShortID(id)...)
		}
	}
	return string(text)
}

// ParseCursor reads the text form.
func ParseCursor(text string) (Cursor, error) {
	c := Cursor{}
	if text == "" {
		return c, nil
	}
	for item := range strings.SplitSeq(text, ",") {
		shard, rest, ok := strings.Cut(item, ":")
		position, id, withID := strings.Cut(rest, ":")
		s, err1 := strconv.ParseUint(shard, 10, 31)
		at, err2 := strconv.ParseUint(position, 10, 64)
		_, twice := c[int(s)]
		if !ok || err1 != nil || err2 != nil || twice || withID && !validID(id) {
			return nil, fmt.Errorf("%q in the cursor: expected SHARD:POSITION or SHARD:POSITION:ID, each shard once", item)
		}
		c[int(s)] = Mark{Position: at, ID: id}
	}
	return c, nil
}

// validID reports whether id is the beginning of a hash in base64url.
func validID(id string) bool {
	return len(id) == idLength && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}
