package connector_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/quadrille-stream/quadrille/connector"
)

// TestGiveUpf: the error says what is to be done and nothing else, and is what it is.
func TestGiveUpf(t *testing.T) {
	err := fmt.Errorf("open: %w", connector.GiveUpf("%w; put the name right", fs.ErrNotExist))
	if err.Error() != "open: file does not exist; put the name right" || !errors.Is(err, connector.ErrGiveUp) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if errors.Is(err, connector.ErrRetry) {
		t.Error("it is another one, too")
	}
}
