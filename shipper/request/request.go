// Package request is the contract of requests between nodes: bytes to a node by its name, an answer in parts back.
//
// A request changes nothing at who answers it: what is lost is an error at the asker, who may ask again, or ask another node.
package request

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Bounds of what is carried.
const (
	// MaxRequest is the length of a request in bytes.
	MaxRequest = 512 << 10
	// MaxPart is the length of one part of an answer in bytes. An answer has any number of parts.
	MaxPart = 256 << 10
	// MaxText and MaxKind are how many bytes of an error's text and kind are carried; longer ones are cut.
	MaxText, MaxKind = 4096, 64
	// DefaultAtOnce is how many requests a node answers at a time.
	DefaultAtOnce = 64
)

// Handler answers a request: it calls send for each part, and returns nil when that was all. It is called by many goroutines at
// once.
//
// The bytes of the request are lent until it returns, those of a part until send returns. send blocks while the asker has taken
// too little of what was sent before; it is called by one goroutine at a time, and not after the handler has returned. ctx ends when nobody waits
// for the answer any more, which send's error tells, too: the handler returns soon then. After an error of send the answer can't
// become whole, whatever the handler returns.
//
// An error of the handler is the asker's, as an [Error] of code [Failed] with its text, and with its Kind if it is an [Error];
// what it wraps stays here.
type Handler func(ctx context.Context, request []byte, send func(part []byte) error) error

// Transport carries requests. All methods may be called concurrently. The suite that every implementation passes is
// shippertest.Requests.
type Transport interface {
	// Ask sends a request to a node and calls fn for each part of the answer, in order, by the caller's goroutine. It returns nil when
	// fn has had the whole answer. The request is lent until Ask returns, a part until fn returns; while fn takes its time, the
	// answerer waits. The answerer may have begun to answer twice where a connection broke; fn gets one answer.
	//
	// The error is that of ctx when it ends, fn's, or an [Error]. What fn had is the beginning of the answer then. A node
	// that is not there is noticed at once, one that falls silent after two seconds unless configured otherwise, and however long
	// the handler computes.
	Ask(ctx context.Context, node string, request []byte, fn func(part []byte) error) error
	// Answer has handler answer requests to node, which is here, at most so many at a time; atOnce 0 or less means
	// [DefaultAtOnce]. Error: an [Error] of code [Stopped] after the transport has ended, and of [Taken] if node has a handler.
	Answer(node string, handler Handler, atOnce int) error
	// Withdraw ends what Answer began: requests under way are [Lost] to their askers, contexts of handlers end. It returns when all
	// calls of the handler have. No effect if node has none.
	Withdraw(node string)
}

// Code says what became of a request.
type Code uint8

// The codes of an [Error].
const (
	// NoRoute: nobody answers requests to the node: it isn't there, or knows none. Nothing was done.
	NoRoute Code = iota + 1
	// Lost: the node fell silent or ended, or something of the answer was lost.
	Lost
	// Busy: the node answers as many requests as it may, or as many are under way from here. Nothing was done.
	Busy
	// TooLarge: the request, or a part of the answer, is longer than what is carried.
	TooLarge
	// Failed: the node answers that it can't; the text, and the kind, are its handler's.
	Failed
	// Stopped: the transport that was to carry the request does not run. Nothing was done.
	Stopped
	// Taken: the node has a handler already.
	Taken
)

var codes = [...]string{NoRoute: "no route", Lost: "lost", Busy: "busy", TooLarge: "too large", Failed: "failed", Stopped: "stopped",
	Taken: "has a handler"}

// String is the code in words.
func (c Code) String() string {
	if int(c) < len(codes) && c > 0 {
		return codes[c]
	}
	return fmt.Sprintf("code %d", uint8(c))
}

// Error is what is wrong with a request. A handler may return one for its Kind.
type Error struct {
	// Code is what became of the request, Node whom it was for.
	Code Code
	Node string
	// Kind is the handler's own word for its error, by which the asker tells what to do; of code [Failed] alone. At most
	// [MaxKind] bytes.
	Kind string
	// Text says what happened, for people. At most [MaxText] bytes.
	Text string
}

// Error is the text with what it is about.
func (e *Error) Error() string {
	if e.Node == "" {
		return e.Text
	}
	return fmt.Sprintf("request to node %q: %v: %s", e.Node, e.Code, e.Text)
}

// CodeOf returns the code of the [Error] in err, 0 if there is none.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return 0
}

// KindOf returns the kind of the [Error] in err, "" if there is none.
func KindOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// FailedWith is a handler's error as its asker gets it.
func FailedWith(node string, err error) *Error {
	return &Error{Code: Failed, Node: node, Kind: cut(KindOf(err), MaxKind), Text: cut(err.Error(), MaxText)}
}

// cut returns the first bytes of a text, which stays valid UTF-8 if it was.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}
