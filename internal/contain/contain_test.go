package contain_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/contain"
	"github.com/quadrille-stream/quadrille/internal/logtext"
)

func faulty() error { panic("the program is faulty") }

// TestDo: an error stays what it is, and a panic becomes one that says what it was, and has where.
func TestDo(t *testing.T) {
	wrong := errors.New("wrong")
	if err := contain.Do(func() error { return wrong }); err != wrong {
		t.Error(err)
	}
	if err := contain.Do(func() error { return nil }); err != nil {
		t.Error(err)
	}
	err := contain.Do(faulty)
	fault, ok := errors.AsType[*contain.Error](err)
	if !ok || fault.Value != "the program is faulty" || !strings.Contains(err.Error(), fault.Value) || strings.Contains(err.Error(), "goroutine") {
		t.Fatal(err)
	}
	var log logtext.Text
	fault.Log(slog.New(slog.NewTextHandler(&log, nil)), "it has ended", "shard", 3)
	for _, want := range []string{"level=ERROR", "it has ended", "shard=3", "the program is faulty", "contain_test.faulty"} {
		if !strings.Contains(log.Take(), want) {
			t.Errorf("%s is not in the log", want)
		}
		fault.Log(slog.New(slog.NewTextHandler(&log, nil)), "it has ended", "shard", 3)
	}
}

// TestTask: what panics is told, and what doesn't isn't.
func TestTask(t *testing.T) {
	var told []error
	failed := func(err error) { told = append(told, err) }
	contain.Task(func() {}, failed)
	contain.Task(func() { _ = faulty() }, failed)
	if len(told) != 1 {
		t.Fatal(told)
	}
	if _, ok := errors.AsType[*contain.Error](told[0]); !ok {
		t.Error(told[0])
	}
}
