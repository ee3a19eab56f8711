package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"
)

const (
	// sweepEvery is the least time between two looks for leftover chunks.
	sweepEvery = time.Hour
	// leftover is how long nothing was added to chunks without a description before they count as left over.
	leftover = time.Hour
)

// listing is what subjects a stream has.
type listing struct {
	subjects map[string]uint64 // with the number of messages
	at       time.Time         // by the clock of the server that answered
}

// subjects returns the subjects of the stream that match a filter, of all that was committed when it was called. It
// tries until ctx ends.
func (s *stream) subjects(ctx context.Context, filter string) (listing, error) {
	var passed uint64
	if s.barrier != nil {
		var err error
		if passed, err = s.barrier.pass(ctx); err != nil {
			return listing{}, err
		}
	}
	all := listing{subjects: map[string]uint64{}}
	var wait pause
	for {
		page, err := s.subjectsPage(ctx, filter, len(all.subjects))
		if err == nil && page.State.LastSeq >= passed {
			maps.Copy(all.subjects, page.State.Subjects)
			all.at = page.Time
			if len(all.subjects) >= page.Total || len(page.State.Subjects) == 0 {
				return all, nil
			}
			continue
		}
		if err != nil && !passing(err) {
			return all, err
		}
		if ended := wait.wait(ctx); ended != nil {
			return all, errors.Join(ended, err)
		}
	}
}

// subjectsPage is JetStream's answer, with at most 100,000 subjects.
type subjectsPage struct {
	Total int       `json:"total"`
	Time  time.Time `json:"ts"`
	State struct {
		LastSeq  uint64            `json:"last_seq"`
		Subjects map[string]uint64 `json:"subjects"`
	} `json:"state"`
}

func (s *stream) subjectsPage(ctx context.Context, filter string, offset int) (page subjectsPage, err error) {
	request, err := json.Marshal(map[string]any{"subjects_filter": filter, "offset": offset})
	if err == nil {
		err = s.api(ctx, "$JS.API.STREAM.INFO."+s.name, request, &page)
	}
	return page, err
}

// sweepSometimes removes what puts that failed have left, if it is time for that. Failing to do so fails nobody.
func (b *blobs) sweepSometimes(ctx context.Context) {
	b.mu.Lock()
	due := time.Since(b.swept) >= sweepEvery
	if due {
		b.swept = time.Now()
	}
	b.mu.Unlock()
	if due {
		ctx, cancel := context.WithTimeout(ctx, cleanUp)
		defer cancel()
		_ = b.sweep(ctx, leftover)
	}
}

// sweep removes chunks that no description names and to which nothing was added for so long, by the servers' clock. The
// chunks are listed first: a blob that becomes visible meanwhile has its description when those are read.
func (b *blobs) sweep(ctx context.Context, age time.Duration) error {
	chunks, err := b.stream.subjects(ctx, b.chunks(">").subject)
	if err != nil {
		return err
	}
	names, err := b.names(ctx, "")
	if err != nil {
		return err
	}
	needed, err := b.describedAll(ctx, names)
	if err != nil {
		return err
	}
	for _, d := range needed {
		delete(chunks.subjects, b.chunks(d.ID).subject)
	}
	delete(chunks.subjects, b.chunks("barrier").subject)
	for subject := range chunks.subjects {
		if err := b.sweepChunks(ctx, subject, chunks.at.Add(-age)); err != nil {
			return err
		}
	}
	return nil
}

// sweepChunks removes chunks if none of them is younger.
func (b *blobs) sweepChunks(ctx context.Context, subject string, before time.Time) error {
	chunks := &log{stream: b.stream, subject: subject, known: &known{}}
	last, err := chunks.tail(ctx)
	if last == nil || err != nil {
		return err
	}
	added, err := time.Parse(time.RFC3339Nano, last.Header.Get(headerTime))
	if err != nil || added.After(before) {
		return err
	}
	return b.stream.purge(ctx, subject, 0)
}
