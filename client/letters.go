package client

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// Letter is a dead letter: a message, or what of it falls in a shard, that could not be taken in.
type Letter struct {
	// ID is where it is: SHARD:POSITION in the shard's log.
	ID string `json:"id"`
	// Source is the source that it came from, Stream and Offset its place there; empty if it came another way. Producer is who sent it,
	// in any case.
	Source   string  `json:"source,omitempty"`
	Stream   string  `json:"stream,omitempty"`
	Offset   *uint64 `json:"offset,omitempty"`
	Producer string  `json:"producer"`
	// Place says of a message from a file where it stood: path, line and byte; empty for others.
	Place string `json:"place,omitempty"`
	// Time is when it was found to be one, Reason why it is.
	Time   time.Time `json:"time"`
	Reason string    `json:"reason"`
	// MediaType is that of the content, Bytes its length; nil in a list if it has several records. Whole: it is a whole message, else
	// what of one falls in a shard. Cut: not all of the message is there.
	MediaType string `json:"media_type"`
	Bytes     *int   `json:"bytes,omitempty"`
	Whole     bool   `json:"whole,omitempty"`
	Cut       bool   `json:"cut,omitempty"`
	// Sent and Vars are what the source said of the message besides.
	Sent *time.Time        `json:"sent,omitempty"`
	Vars map[string]string `json:"vars,omitempty"`
	// Open: nobody has settled it.
	Open bool `json:"open"`
	// Body is the content, in base64 as JSON has it; a list has none.
	Body []byte `json:"body,omitempty"`
}

// Letters are a part of the dead letters that are open.
type Letters struct {
	// Letters are in order of shard and position.
	Letters []Letter `json:"letters"`
	// Next is what from is to be for more; "": there are no more.
	Next string `json:"next,omitempty"`
}

// Retried says what became of a dead letter that was taken in again. It is settled.
type Retried struct {
	// ID is where it was, Again are those that it has become instead.
	ID    string   `json:"id"`
	Again []string `json:"again,omitempty"`
}

// MaxLetters bounds the letters of one answer.
const MaxLetters = 1000

// LetterFilter chooses dead letters.
type LetterFilter struct {
	// Shard is the shard, nil for all; Source the source, "" for any. From is the Next of an answer. Limit bounds the letters of an answer,
	// 0 leaves that to the node.
	Shard  *int
	Source string
	From   string
	Limit  int
}

// Letters asks the node at base for dead letters that are open.
func (c *Client) Letters(ctx context.Context, base string, f LetterFilter) (l Letters, err error) {
	query := url.Values{}
	if f.Shard != nil {
		query.Set("shard", strconv.Itoa(*f.Shard))
	}
	if f.Source != "" {
		query.Set("source", f.Source)
	}
	if f.From != "" {
		query.Set("from", f.From)
	}
	if f.Limit > 0 {
		query.Set("limit", fmt.Sprint(f.Limit))
	}
	err = c.get(ctx, base, "/v1/letters", query, "the dead letters", &l)
	return l, err
}

// Letter asks the node at base for a dead letter with its content.
func (c *Client) Letter(ctx context.Context, base, id string) (l Letter, err error) {
	err = c.get(ctx, base, "/v1/letters/"+url.PathEscape(id), nil, "the dead letter", &l)
	return l, err
}

// RetryLetter has the node at base take a dead letter in again. However often that is asked for, it has its effect once.
func (c *Client) RetryLetter(ctx context.Context, base, id string) (r Retried, err error) {
	err = c.order(ctx, base, "/v1/letters/"+url.PathEscape(id)+"/retry", nil, &r)
	return r, err
}

// DropLetter has the node at base settle a dead letter without an effect.
func (c *Client) DropLetter(ctx context.Context, base, id string) error {
	var dropped Retried
	return c.order(ctx, base, "/v1/letters/"+url.PathEscape(id)+"/drop", nil, &dropped)
}
