package patch

import (
	"bytes"
	"strconv"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Entry is a patch of a log, to be written: headers, and one transaction. Documents of several logs may stand in one stream, each
// whole, one after the other; [Log] and [Links] tell them apart by the header shard.
type Entry struct {
	// ID names the patch, an IRI. Prev is the id of the patch before it in the same log, "" for the first one.
	ID, Prev string
	// Shard is the number of the log.
	Shard int
	// Time is when the patch was made; the zero Time is left out.
	Time time.Time
	// Rows is the text of one transaction, TX … TC; see [OneTransaction].
	Rows []byte
}

// Append appends the text of the patch to dst, and returns the extended buffer.
func (e Entry) Append(dst []byte) []byte {
	dst = AppendHeader(dst, HeaderID, rdf.Trusted("<"+e.ID+">"))
	if e.Prev != "" {
		dst = AppendHeader(dst, HeaderPrev, rdf.Trusted("<"+e.Prev+">"))
	}
	dst = AppendHeader(dst, HeaderShard, rdf.Trusted(strconv.Quote(strconv.Itoa(e.Shard))))
	if !e.Time.IsZero() {
		dst = append(dst, `H time "`...)
		dst = e.Time.UTC().AppendFormat(dst, time.RFC3339Nano)
		dst = append(dst, "\"^^<http://www.w3.org/2001/XMLSchema#dateTime> .\n"...)
	}
	return append(dst, e.Rows...)
}

// OneTransaction makes one transaction of those in rows, which are end to end, none of them aborted, as [Writer] writes them: what
// commits together is one transaction to a reader. No rows are an empty transaction. It returns rows itself where there is
// nothing to do, and never changes it.
func OneTransaction(rows []byte) []byte {
	if len(rows) == 0 {
		return AppendCommit(AppendBegin(nil))
	}
	if !bytes.Contains(rows, boundary) {
		return rows
	}
	return bytes.ReplaceAll(rows, boundary, nil)
}

// boundary is where a transaction ends and the next begins. TX stands behind TC alone, so nothing else looks like it.
var boundary = []byte(commitRow + beginRow)
