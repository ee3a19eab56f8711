package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/connector/file"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
	"github.com/quadrille-stream/quadrille/node"
)

// desk handles dead letters, in the words of the HTTP API.
type desk struct {
	*pipeline.Control
	sources []config.Source
}

var _ api.Desk = desk{}

// List implements [api.Desk].
func (d desk) List(ctx context.Context, f client.LetterFilter, after client.Place) (list []client.Letter, more *client.Place, err error) {
	filter := pipeline.LetterFilter{Shard: -1, Source: f.Source, After: pipeline.LetterPlace(after), Limit: f.Limit}
	if f.Shard != nil {
		filter.Shard = *f.Shard
	}
	found, last, err := d.ListLetters(ctx, filter)
	for i := range found {
		list = append(list, d.wireLetter(&found[i], true))
	}
	if last != nil {
		more = (*client.Place)(last)
	}
	return list, more, deskError(err)
}

// Show implements [api.Desk].
func (d desk) Show(ctx context.Context, at client.Place) (client.Letter, error) {
	l, open, err := d.ShowLetter(ctx, pipeline.LetterPlace(at))
	if err != nil {
		return client.Letter{}, deskError(err)
	}
	out := d.wireLetter(&l, open)
	size := len(l.Payload)
	out.Bytes, out.Body = &size, l.Payload
	return out, nil
}

// Retry implements [api.Desk].
func (d desk) Retry(ctx context.Context, at client.Place, by string) (list []client.Place, err error) {
	again, err := d.RetryLetter(ctx, pipeline.LetterPlace(at), by)
	for _, place := range again {
		list = append(list, client.Place(place))
	}
	return list, deskError(err)
}

// Drop implements [api.Desk].
func (d desk) Drop(ctx context.Context, at client.Place, by string) error {
	return deskError(d.DropLetter(ctx, pipeline.LetterPlace(at), by))
}

// deskError is an error in the words of the HTTP API.
func deskError(err error) error {
	for of, is := range map[error]error{node.ErrNoLetter: api.ErrNoLetter, pipeline.ErrSettled: api.ErrSettled, pipeline.ErrCut: api.ErrCannot} {
		if errors.Is(err, of) {
			return fmt.Errorf("%w: %w", is, err)
		}
	}
	return err
}

// wireLetter is a letter as it goes over the wire, without its content.
func (d desk) wireLetter(l *pipeline.Letter, open bool) client.Letter {
	out := client.Letter{ID: client.Place{Shard: l.Shard, Position: l.Position}.String(), Source: l.Source, Stream: l.Stream,
		Producer: l.Producer.String(), Time: l.Time, Reason: l.Reason, MediaType: l.MediaType, Whole: l.Whole, Cut: l.Cut, Vars: l.Vars, Open: open}
	if l.Stream != "" {
		out.Offset = &l.Offset
	}
	if l.Parts == 1 {
		size := len(l.Payload)
		out.Bytes = &size
	}
	if !l.Sent.IsZero() {
		out.Sent = &l.Sent
	}
	if l.Stream != "" && slices.ContainsFunc(d.sources, func(s config.Source) bool { return s.Name == l.Source && s.Type == "file" }) {
		out.Place = filePlace(l)
	}
	return out
}

// filePlace is where a letter of a source of files stood, as a person would say it.
func filePlace(l *pipeline.Letter) string {
	place := cmp.Or(l.Vars["path"], "file "+l.Stream)
	if line := l.Vars["line"]; line != "" {
		place += ", line " + line
	}
	return fmt.Sprintf("%s, up to byte %d", place, file.EndOf(l.Offset))
}
