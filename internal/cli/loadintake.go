package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
)

// intake takes the statements of a load into a store. It is used by one goroutine.
type intake interface {
	// state returns what the store remembers of a load, nil if none is unfinished, and its position.
	state(dir string) (*loadMark, uint64, error)
	// position is that of the store.
	position() uint64
	// add takes in a statement, and reports whether it is time for a commit.
	add(q rdf.Quad) (due bool, err error)
	// pending reports whether there is something to commit, after an error, which may be that of ctx or of add.
	pending(ctx context.Context) bool
	// commit commits what was added, with the meta, and returns how much of it was new.
	commit(ctx context.Context, std *streams, meta []byte) (added uint64, err error)
	// quads is how many quads the store has.
	quads() int
	// close closes the store. What is not committed is not in it.
	close() error
}

// isNew reports whether nothing was ever committed to a store.
func isNew(s *disk.Store) bool { return s.Position() == 0 && s.Len() == 0 }

// loadBatch is how many statements [batches] commits at a time. What is loaded after the last commit is lost when the process dies.
const loadBatch = 20_000

// batches commits to a store that has data, in batches.
type batches struct {
	store *disk.Store
	tx    store.Tx // nil: none
	rows  int      // of the transaction
	added uint64   // by which
}

func (b *batches) state(dir string) (*loadMark, uint64, error) {
	mark, err := readMark(dir, b.store)
	return mark, b.store.Position(), err
}

func (b *batches) position() uint64             { return b.store.Position() }
func (b *batches) quads() int                   { return b.store.Len() }
func (b *batches) close() error                 { return b.store.Close() }
func (b *batches) pending(context.Context) bool { return b.tx != nil }

func (b *batches) add(q rdf.Quad) (due bool, err error) {
	if b.tx == nil {
		b.tx = b.store.Begin()
	}
	added, err := b.tx.Add(q)
	if err != nil {
		b.tx.Rollback()
		b.tx, b.rows, b.added = nil, 0, 0
		return false, err
	}
	if added {
		b.added++
	}
	b.rows++
	return b.rows >= loadBatch, nil
}

func (b *batches) commit(_ context.Context, _ *streams, meta []byte) (uint64, error) {
	if b.tx == nil {
		b.tx = b.store.Begin()
	}
	tx, added := b.tx, b.added
	b.tx, b.rows, b.added = nil, 0, 0
	return added, tx.Commit(b.store.Position()+1, meta)
}

// sorting fills a new store, in one step.
type sorting struct {
	dir    string
	loader *disk.Loader
	some   bool        // was added
	failed bool        // it can't go on
	store  *disk.Store // once it is filled
}

func newSorting(dir string) (*sorting, error) {
	l, err := disk.NewLoader(disk.Options{Dir: dir}, 0)
	if err != nil {
		return nil, folderError(dir, err)
	}
	return &sorting{dir: dir, loader: l}, nil
}

func (*sorting) state(string) (*loadMark, uint64, error) { return nil, 0, nil }

func (s *sorting) position() uint64 {
	if s.store == nil {
		return 0
	}
	return s.store.Position()
}

func (s *sorting) quads() int { return s.store.Len() }

func (s *sorting) close() error {
	if s.store != nil {
		return s.store.Close()
	}
	return s.loader.Close()
}

// pending is false for an interrupt: to sort what has come could take as long again as all before.
func (s *sorting) pending(ctx context.Context) bool {
	return s.some && !s.failed && s.store == nil && ctx.Err() == nil
}

func (s *sorting) add(q rdf.Quad) (due bool, err error) {
	s.some = true
	err = s.loader.Add(q)
	s.failed = err != nil
	return false, err
}

// commit fills the store, with a progress bar.
func (s *sorting) commit(ctx context.Context, std *streams, meta []byte) (added uint64, err error) {
	shown := make(chan struct{})
	ended, end := context.WithCancel(ctx)
	go func() {
		defer close(shown)
		s.show(ended, terminal.NewBar(std.err, s.dir+": writing", "statement"))
	}()
	s.failed = true // unless all goes well
	filled, err := s.loader.Finish(ctx, 1, meta)
	end()
	<-shown
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.dir, err)
	}
	s.store, s.failed = filled, false
	return uint64(filled.Len()), nil
}

// show shows how far the loader is until ctx ends.
func (s *sorting) show(ctx context.Context, bar *terminal.Bar) {
	if bar == nil {
		return
	}
	defer bar.End()
	tick := time.NewTicker(terminal.BarEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			done, total := s.loader.Progress()
			bar.SetTotal(int64(total))
			bar.Show(int64(done), 0)
		}
	}
}
