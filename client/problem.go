package client

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxError bounds how much of an answer that tells of an error is read.
const maxError = 1 << 20

// TypeProblem is the media type of a [Problem].
const TypeProblem = "application/problem+json"

// Problem is an error as it goes over the wire (RFC 9457).
type Problem struct {
	// Type is a URI and Title a few words for the kind of error, the same for all of a code; Status is that of HTTP.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says for people what happened this time.
	Detail string `json:"detail,omitempty"`
	// Code is for programs, see [Cause].
	Code string `json:"code"`
	// Line and Column are the place of a mistake in the document; 0: it is none of those.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Head is the dataset's, where it was not the one that the document builds on.
	Head string `json:"head,omitempty"`
	// Shard is the one that is missing from a stream that goes on.
	Shard *int `json:"shard,omitempty"`
	// Results are those of the shards that have committed, where others have not.
	Results []Result `json:"results,omitempty"`
	// RequestID names the request in the log of the node.
	RequestID string `json:"request_id,omitempty"`
}

// Error is a node's answer that is not what was asked for.
type Error struct {
	// URL is the node's.
	URL string
	Problem
	// RetryAfter is how long the node asks to wait; 0 if it doesn't.
	RetryAfter time.Duration
}

// Error tells the node's reason, and what names the request in its log if the node is at fault.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %d %s: ", e.URL, e.Status, e.Code)
	if e.Line > 0 {
		text += fmt.Sprintf("line %d, column %d: ", e.Line, e.Column)
	}
	text += e.Detail
	if e.Status == http.StatusInternalServerError && e.RequestID != "" {
		text += fmt.Sprintf(" (request %s)", e.RequestID)
	}
	return text
}

// Unwrap returns the error that the code stands for, nil if it stands for none: errors.Is tells causes apart as at the node
// itself. An answer that no node has made is an [ErrNotNode].
func (e *Error) Unwrap() error {
	if _, known := CodeNamed(e.Code); !known && e.Type == "" {
		return ErrNotNode
	}
	return Cause(e.Code)
}

// ErrNotNode says that somebody else than a node has answered: another server, or one between here and the node.
var ErrNotNode = errors.New("the answer is not a node's")

// foreign is the error of an answer that should be JSON and isn't.
func foreign(err error) error {
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("%w: %w", ErrNotNode, err)
	}
	return err
}

// problemOf reads the answer, whose status is not 200.
func problemOf(base string, answer *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxError))
	if err != nil {
		return fmt.Errorf("%s: read the answer: %w", base, err)
	}
	e := decodeError(base, answer.StatusCode, text)
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	e.RequestID = cmp.Or(e.RequestID, answer.Header.Get("X-Request-Id"))
	return e
}

// maxGist bounds what is told of an answer that is no problem, in bytes.
const maxGist = 300

// gist is what such an answer says, nothing if that is a page for a browser.
func gist(text []byte) string {
	text = bytes.TrimSpace(text)
	if bytes.HasPrefix(text, []byte("<")) {
		return ""
	}
	if len(text) > maxGist {
		return strings.ToValidUTF8(string(text[:maxGist]), "") + "…"
	}
	return string(text)
}

// decodeError makes an error of a problem, or of whatever else somebody between here and the node has answered. Within a stream,
// whose status was 200, it is 0 and the problem tells.
func decodeError(base string, status int, text []byte) *Error {
	e := &Error{URL: base}
	err := json.Unmarshal(text, &e.Problem)
	if status = cmp.Or(status, e.Status, http.StatusInternalServerError); err != nil || e.Code == "" {
		e.Problem = Problem{Code: strings.ToLower(http.StatusText(status)), Detail: cmp.Or(e.Detail, gist(text), ErrNotNode.Error())}
	}
	e.Status = status
	return e
}
