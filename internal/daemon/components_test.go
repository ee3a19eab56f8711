package daemon

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestComponentsEndInReverseOrder(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	var ended []string
	wait := func(name string, err error) component {
		return component{name, func(ctx context.Context) error {
			<-ctx.Done()
			ended = append(ended, name) // one ends after the other
			return err
		}}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := runAll(ctx, []component{wait("a", nil), wait("b", context.Canceled), wait("c", nil)}, log); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"c", "b", "a"}, ended); diff != "" {
		t.Error(diff)
	}
	broken, late := errors.New("broken"), errors.New("late")
	err := runAll(t.Context(), []component{wait("a", late), {"b", func(context.Context) error { return broken }}, wait("c", nil)}, log)
	if !errors.Is(err, broken) || !errors.Is(err, late) || !strings.Contains(err.Error(), "b: broken") {
		t.Errorf("%v", err)
	}
	// One that ends by itself is an error too.
	err = runAll(t.Context(), []component{wait("a", nil), {"b", func(context.Context) error { return nil }}}, log)
	if err == nil || !strings.Contains(err.Error(), "b: ended") {
		t.Errorf("%v", err)
	}
}
