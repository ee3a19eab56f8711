package request_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/shipper/request"
)

// Two nodes of one process: "b" answers word by word, and "a" would ask it so over a network, too.
func ExampleTransport() {
	var between request.Transport = new(request.Local)
	err := between.Answer("b", func(_ context.Context, in []byte, send func([]byte) error) error {
		for word := range strings.FieldsSeq(string(in)) {
			if word == "unknown" {
				return &request.Error{Kind: "word", Text: "what is that?"}
			}
			if err := send([]byte(word)); err != nil {
				return err
			}
		}
		return nil
	}, 0)
	if err != nil {
		panic(err)
	}
	defer between.Withdraw("b")
	err = between.Ask(context.Background(), "b", []byte("two words, unknown"), func(part []byte) error {
		fmt.Println(string(part))
		return nil
	})
	fmt.Println(err)
	fmt.Println(request.CodeOf(err) == request.Failed, request.KindOf(err))
	// Output:
	// two
	// words,
	// request to node "b": failed: what is that?
	// true word
}

func TestCodes(t *testing.T) {
	seen := map[string]bool{}
	for c := request.NoRoute; c <= request.Taken; c++ {
		name := c.String()
		if name == "" || seen[name] || strings.HasPrefix(name, "code ") {
			t.Errorf("code %d is %q", uint8(c), name)
		}
		seen[name] = true
	}
	for _, c := range []request.Code{0, request.Taken + 1, 255} {
		if got, want := c.String(), fmt.Sprintf("code %d", uint8(c)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	wrapped := fmt.Errorf("query: %w", &request.Error{Code: request.Busy, Kind: "k", Node: "b", Text: "text"})
	if request.CodeOf(wrapped) != request.Busy || request.KindOf(wrapped) != "k" {
		t.Errorf("of a wrapped error: %v, %q", request.CodeOf(wrapped), request.KindOf(wrapped))
	}
	for _, other := range []error{nil, errors.New("another")} {
		if request.CodeOf(other) != 0 || request.KindOf(other) != "" {
			t.Errorf("%v has a code", other)
		}
	}
}

// TestSendAfterTheCall: what a handler left behind sends with is refused.
func TestSendAfterTheCall(t *testing.T) {
	var l request.Local
	var late func([]byte) error
	err := l.Answer("b", func(_ context.Context, _ []byte, send func([]byte) error) error {
		late = send
		return nil
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	parts := 0
	if err := l.Ask(t.Context(), "b", nil, func([]byte) error { parts++; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := late([]byte("late")); err == nil || parts > 0 {
		t.Errorf("%v, %d parts", err, parts)
	}
}
