package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// TypeParts is the media type of a body of several documents (RFC 2046, 5.1), MaxParts their number at most.
const (
	TypeParts = "multipart/mixed"
	MaxParts  = 10_000
)

// Part is one of several documents of changes that go in one request.
type Part struct {
	// MediaType is its own, Body its text.
	MediaType string
	Body      []byte
	// Key is its idempotency key; empty: it has none of its own.
	Key string
}

// Outcome is what became of one of several documents: what was accepted, or the problem.
type Outcome struct {
	// Accepted is nil, or Problem is.
	*Accepted
	// Problem is why it was not accepted, as the answer to the document alone would say.
	Problem *Problem `json:"problem,omitempty"`
}

// Err is the error of a document that was not accepted, as that of [Client.Submit] is; nil: it was.
func (o *Outcome) Err() error {
	if o.Problem == nil {
		return nil
	}
	return &Error{Problem: *o.Problem}
}

// Outcomes is the answer to several documents.
type Outcomes struct {
	// Accepted and Failed are how many were accepted, and not; Adds and Deletes the sums of the former.
	Accepted int    `json:"accepted"`
	Failed   int    `json:"failed"`
	Adds     uint64 `json:"adds"`
	Deletes  uint64 `json:"deletes"`
	// Outcomes are in the order of the documents.
	Outcomes []Outcome `json:"outcomes"`
}

// SubmitParts posts several documents, at most [MaxParts], to the node at base, once. Each is committed for itself, in a shard in their order: what becomes of each
// is in the answer. An error says that this is not known of any. With a key the same parts can be sent again: those that have none of their own get one of it.
func (c *Client) SubmitParts(ctx context.Context, base, key string, parts []Part) (o Outcomes, err error) {
	for i, p := range parts {
		if strings.ContainsAny(p.Key+p.MediaType, "\r\n") {
			return o, fmt.Errorf("part %d: its key %q and media type %q must be on one line", i+1, p.Key, p.MediaType)
		}
	}
	boundary := rand.Text()
	header := http.Header{"Content-Type": {TypeParts + "; boundary=" + boundary}}
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	answer, err := c.do(ctx, http.MethodPost, base, "/v1/changes", nil, bytes.NewReader(appendParts(nil, boundary, parts)), header)
	if err != nil {
		return o, err
	}
	defer closeBody(answer)
	if err := json.NewDecoder(answer.Body).Decode(&o); err != nil {
		return o, fmt.Errorf("%s: read the answer: %w", base, foreign(err))
	}
	for i := range o.Outcomes {
		if o.Outcomes[i].Accepted == nil && o.Outcomes[i].Problem == nil {
			return o, fmt.Errorf("%s: the answer doesn't say what became of part %d", base, i+1)
		}
	}
	if len(o.Outcomes) != len(parts) {
		return o, fmt.Errorf("%s: %d outcomes for %d parts", base, len(o.Outcomes), len(parts))
	}
	return o, nil
}

// appendParts appends the body that the parts make.
func appendParts(body []byte, boundary string, parts []Part) []byte {
	for _, p := range parts {
		body = fmt.Appendf(body, "--%s\r\nContent-Type: %s\r\n", boundary, p.MediaType)
		if p.Key != "" {
			body = fmt.Appendf(body, "Idempotency-Key: %s\r\n", p.Key)
		}
		body = append(body, "\r\n"...)
		body = append(append(body, p.Body...), "\r\n"...)
	}
	return fmt.Appendf(body, "--%s--\r\n", boundary)
}
