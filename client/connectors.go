package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// SourceStatus is how a source is on a node.
type SourceStatus struct {
	// Name is the source's in the configuration, Type that of its adapter.
	Name string `json:"name"`
	Type string `json:"type,omitempty"`
	// Home is the shard whose owner runs the source. Running: that is this node, and it is not paused.
	Home    int  `json:"home"`
	Running bool `json:"running"`
	// Ended: the source has no more messages, and all are committed.
	Ended bool `json:"ended,omitempty"`
	// Switch says whether it is to run, as far as the node knows.
	Switch Switch `json:"switch"`
	// Messages counts those committed since the node's start, Rejected those of them that are dead letters. Rate is how many a second
	// were committed within the last ten seconds.
	Messages uint64  `json:"messages"`
	Rejected uint64  `json:"rejected"`
	Rate     float64 `json:"rate"`
	// Lag is what the peer has that is not committed; nil: that isn't known.
	Lag *Lag `json:"lag,omitempty"`
	// Streams are those of the connection, the furthest behind first, at most [MaxStreams].
	Streams []SourceStream `json:"streams,omitempty"`
	// Failing says why the source is being tried again; nil: it isn't.
	Failing *Failure `json:"failing,omitempty"`
	Tries
}

// MaxStreams bounds the streams of a source that a status has.
const MaxStreams = 100

// SourceStream is how far a stream of a source is.
type SourceStream struct {
	// Stream is its name, "" of messages without one, which are numbered as they come, Next the offset behind the last message that is committed.
	Stream string `json:"stream"`
	Next   uint64 `json:"next"`
	// First is the offset with which the stream begins at the peer, End the one of the next message to come; nil: that isn't known.
	First *uint64 `json:"first,omitempty"`
	End   *uint64 `json:"end,omitempty"`
	// Lag is what the peer has that is not committed; nil: that isn't known.
	Lag *Lag `json:"lag,omitempty"`
}

// Lag is how far something is behind.
type Lag struct {
	// Count is in messages of a source, of which some may be none, or in log positions of a sink, unless Unit says otherwise.
	Count uint64 `json:"count"`
	// Unit is [UnitBytes] of a source of files, else "".
	Unit string `json:"unit,omitempty"`
	// Seconds is the age of what is the furthest behind: of a source the last message that is committed, or, where messages have no time,
	// how long it is known that one waits; of a sink the oldest record that isn't written; nil: that isn't known.
	Seconds *float64 `json:"seconds,omitempty"`
}

// UnitBytes is the unit of a lag that is counted in bytes.
const UnitBytes = "bytes"

// Switch says whether a source or sink is to run.
type Switch struct {
	// Paused: it is not.
	Paused bool `json:"paused"`
	// By is who changed that last, by the name of the token, and Since when; nil: nobody ever did.
	By    string     `json:"by,omitempty"`
	Since *time.Time `json:"since,omitempty"`
	// Epoch is that of the control record that changed it last: of two nodes the one with the larger knows it better.
	Epoch uint64 `json:"epoch,omitempty"`
}

// Tries says what has failed.
type Tries struct {
	// Retries counts the errors since something last succeeded.
	Retries uint64 `json:"retries,omitempty"`
	// LastError is the newest error since the node's start; it stays when all is well again.
	LastError *LastError `json:"last_error,omitempty"`
}

// LastError is an error with its time.
type LastError struct {
	// At is when it was met, Error what it says.
	At    time.Time `json:"at"`
	Error string    `json:"error"`
}

// SinkStatus is how a sink is on a node.
type SinkStatus struct {
	// Name is the sink's in the configuration, Type that of its adapter, Promise what its target holds of each delta.
	Name    string `json:"name"`
	Type    string `json:"type,omitempty"`
	Promise string `json:"promise,omitempty"`
	// Switch says whether it is to run, as far as the node knows.
	Switch Switch `json:"switch"`
	// Rate is how many records a second were written within the last ten seconds.
	Rate float64 `json:"rate"`
	// Shards are those that this node writes to the sink, or tries to, or would if it were not paused, in order of number.
	Shards []SinkShard `json:"shards,omitempty"`
}

// SinkShard is how far a sink has written one shard.
type SinkShard struct {
	// Shard is the shard's number, Node the node that writes it, where several nodes were asked.
	Shard int    `json:"shard"`
	Node  string `json:"node,omitempty"`
	// Paused: no connection is open since the sink is paused.
	Paused bool `json:"paused,omitempty"`
	// Position is the log position up to which the target has the shard for certain, ID the id of the record there. Position is nil
	// while the target was not asked.
	Position *uint64 `json:"position,omitempty"`
	ID       string  `json:"id,omitempty"`
	// Lag is how much of the log the target doesn't have; nil: that isn't known.
	Lag *Lag `json:"lag,omitempty"`
	// Failing says why the shard is being tried again; nil: it isn't.
	Failing *Failure `json:"failing,omitempty"`
	Tries
}

// States of sources and sinks.
const (
	// StateRunning: it reads or writes.
	StateRunning = "running"
	// StateFailing: it is being tried again.
	StateFailing = "failing"
	// StatePaused: somebody has paused it, and no connection is open. StatePausing: some node has not ended yet.
	StatePaused  = "paused"
	StatePausing = "pausing"
	// StateEnded: the source has no more messages.
	StateEnded = "ended"
	// StateWaiting: no node runs it, or writes some of the shards; it begins when a node has claimed what it needs.
	StateWaiting = "waiting"
	// StateUnknown: a node that may run it did not answer.
	StateUnknown = "unknown"
)

// Source is how a source is in the pipeline.
type Source struct {
	SourceStatus
	// State is one of the states above, Node the node that runs it, "" if none does.
	State string `json:"state"`
	Node  string `json:"node,omitempty"`
}

// Sink is how a sink is in the pipeline.
type Sink struct {
	SinkStatus
	// State is one of the states above.
	State string `json:"state"`
	// Lag is that of all shards: the sum of the positions, and the oldest; nil unless that of each is known.
	Lag *Lag `json:"lag,omitempty"`
	// Failing is the failure that is there for the longest time, of any shard.
	Failing *Failure `json:"failing,omitempty"`
	Tries
}

// Sources are those of the pipeline.
type Sources struct {
	// Sources are in order of name.
	Sources []Source `json:"sources"`
	// Missing are nodes that did not answer.
	Missing []Missing `json:"missing,omitempty"`
}

// Sinks are those of the pipeline.
type Sinks struct {
	// Sinks are in order of name.
	Sinks []Sink `json:"sinks"`
	// Missing are nodes that did not answer.
	Missing []Missing `json:"missing,omitempty"`
}

// Missing is a node that did not answer.
type Missing struct {
	// Node is its name, Error why it didn't.
	Node  string `json:"node"`
	Error string `json:"error"`
}

// Sources asks the node at base how the sources of the pipeline are.
func (c *Client) Sources(ctx context.Context, base string) (s Sources, err error) {
	err = c.get(ctx, base, "/v1/sources", nil, "the sources", &s)
	return s, err
}

// Source asks the node at base how a source is.
func (c *Client) Source(ctx context.Context, base, name string) (s Source, err error) {
	err = c.get(ctx, base, "/v1/sources/"+url.PathEscape(name), nil, "the source", &s)
	return s, err
}

// Sinks asks the node at base how the sinks of the pipeline are.
func (c *Client) Sinks(ctx context.Context, base string) (s Sinks, err error) {
	err = c.get(ctx, base, "/v1/sinks", nil, "the sinks", &s)
	return s, err
}

// Sink asks the node at base how a sink is.
func (c *Client) Sink(ctx context.Context, base, name string) (s Sink, err error) {
	err = c.get(ctx, base, "/v1/sinks/"+url.PathEscape(name), nil, "the sink", &s)
	return s, err
}

// TurnSource has the node at base pause a source, or have it run. What is so already is no error.
func (c *Client) TurnSource(ctx context.Context, base, name string, paused bool) (w Switch, err error) {
	err = c.order(ctx, base, "/v1/sources/"+url.PathEscape(name)+verb(paused), nil, &w)
	return w, err
}

// TurnSink has the node at base pause a sink, or have it run. What is so already is no error.
func (c *Client) TurnSink(ctx context.Context, base, name string, paused bool) (w Switch, err error) {
	err = c.order(ctx, base, "/v1/sinks/"+url.PathEscape(name)+verb(paused), nil, &w)
	return w, err
}

func verb(paused bool) string {
	if paused {
		return "/pause"
	}
	return "/resume"
}

// SourceSeek says where a source is to read on.
type SourceSeek struct {
	// Stream is the stream; "": all of them, with Start.
	Stream string `json:"stream,omitempty"`
	// Offset is that of the next message, 1 or more. Start: as if nothing had been read, where the configuration says. One of them is given.
	Offset *uint64 `json:"offset,omitempty"`
	Start  bool    `json:"start,omitempty"`
}

// SinkSeek says where a sink is to go on.
type SinkSeek struct {
	// Shard is the shard; nil: all of them, with Start.
	Shard *int `json:"shard,omitempty"`
	// Position is that of the last record that is not to be written again. Start: all is. One of them is given.
	Position *uint64 `json:"position,omitempty"`
	Start    bool    `json:"start,omitempty"`
}

// SeekSource has the node at base make a source read on from another place: what is read again is applied again.
func (c *Client) SeekSource(ctx context.Context, base, name string, to SourceSeek) error {
	var answer SourceSeek
	return c.order(ctx, base, "/v1/sources/"+url.PathEscape(name)+"/seek", to, &answer)
}

// SeekSink has the node at base make a sink go on at another place of the logs.
func (c *Client) SeekSink(ctx context.Context, base, name string, to SinkSeek) error {
	var answer SinkSeek
	return c.order(ctx, base, "/v1/sinks/"+url.PathEscape(name)+"/seek", to, &answer)
}

// order sends what is to be done, and reads the answer.
func (c *Client) order(ctx context.Context, base, path string, what, to any) error {
	body := []byte("{}")
	if what != nil {
		var err error
		if body, err = json.Marshal(what); err != nil {
			return err
		}
	}
	answer, err := c.do(ctx, http.MethodPost, base, path, nil, bytes.NewReader(body), http.Header{"Content-Type": {"application/json"}})
	if err != nil {
		return err
	}
	defer closeBody(answer)
	if err := json.NewDecoder(answer.Body).Decode(to); err != nil {
		return fmt.Errorf("%s: read the answer: %w", base, foreign(err))
	}
	return nil
}
