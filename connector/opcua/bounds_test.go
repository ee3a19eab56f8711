package opcua_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/opcua"
)

// TestMessageMissing: what comes behind a message that never does is not held without end.
func TestMessageMissing(t *testing.T) {
	var later []*ua.NotificationMessage
	for i := range uint32(opcua.MaxHeld + 1) {
		later = append(later, &ua.NotificationMessage{SequenceNumber: 2 + i, NotificationData: []*ua.ExtensionObject{{}}})
	}
	if err := opcua.Arrived(later[:opcua.MaxHeld]...); err != nil {
		t.Error(err)
	}
	if err := opcua.Arrived(later...); err == nil || !strings.Contains(err.Error(), "message 1 of the subscription is missing") {
		t.Error(err)
	}
}

// TestEndlessReferences: a server that always has more of a node, or says so and has nothing, is not asked without end.
func TestEndlessReferences(t *testing.T) {
	for _, references := range [][]*ua.ReferenceDescription{nil, make([]*ua.ReferenceDescription, 1000)} {
		endless := &ua.BrowseResult{ContinuationPoint: []byte("more"), References: references}
		_, err := opcua.Rest(endless, func([]byte) (*ua.BrowseResult, error) { return endless, nil })
		if !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), "doesn't come to an end") {
			t.Error(err)
		}
	}
	end := &ua.BrowseResult{References: make([]*ua.ReferenceDescription, 2)}
	first := &ua.BrowseResult{ContinuationPoint: []byte("more"), References: end.References}
	if list, err := opcua.Rest(first, func([]byte) (*ua.BrowseResult, error) { return end, nil }); err != nil || len(list) != 4 {
		t.Error(list, err)
	}
}

// TestAnsweredTooLate: what is looked at when the session is of no use any more doesn't come behind the word that nothing is known.
func TestAnsweredTooLate(t *testing.T) {
	before, said, after := opcua.ArrivedLate(errGone)
	if !strings.Contains(before, `"value":1`) || !strings.Contains(said, `"value":null`) || !errors.Is(after, errGone) {
		t.Errorf("%s, then %s, then %v", before, said, after)
	}
}

var errGone = errors.New("gone")
