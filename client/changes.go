package client

import "time"

// Result says what became of the part of a submission that fell in one shard.
type Result struct {
	// Shard is the shard's number.
	Shard int `json:"shard"`
	// Position is the log position of the (last) record that holds the changes; 0 if it is no longer known.
	Position uint64 `json:"position"`
	// Adds and Deletes count the real changes.
	Adds    uint64 `json:"adds"`
	Deletes uint64 `json:"deletes"`
	// Head is the id of the newest record of the shard when the changes were committed.
	Head string `json:"head,omitempty"`
	// Duplicate: the changes had been committed before, under the same key.
	Duplicate bool `json:"duplicate,omitempty"`
}

// Change is one record of a shard's log as the data of a server-sent event.
type Change struct {
	// Shard is the shard's number, Position that of the record, or of its last part, in the shard's log.
	Shard    int    `json:"shard"`
	Position uint64 `json:"position"`
	// ID is the record's id, Prev that of the change before it in the same shard, "" for the first.
	ID   string `json:"id"`
	Prev string `json:"prev,omitempty"`
	// Time is the writer's clock.
	Time time.Time `json:"time"`
	// Adds and Deletes count the rows.
	Adds    int `json:"adds"`
	Deletes int `json:"deletes"`
	// Patch holds the rows, as RDF Patch: one transaction TX … TC.
	Patch string `json:"patch"`
	// Filtered: rows were asked for by graph, subject or predicate. The patch then has these alone, and the ids, which are those
	// of whole records, don't say what it builds on.
	Filtered bool `json:"filtered,omitempty"`
}
