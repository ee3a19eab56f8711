package jetstream

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	_ "unsafe" // for go:linkname

	"github.com/nats-io/nats-server/v2/server"

	"github.com/quadrille-stream/quadrille/engine"
)

const (
	// maxReserve bounds what is kept free for claims and control records, in bytes; on small disks it is a reserveShare.
	maxReserve   = 64 << 20
	reserveShare = 20
	// unlimited is the limit of the engine's own that is never reached. Left to itself the server takes three quarters of
	// what is free when it starts, for ever.
	unlimited = 1 << 60
	// superviseEvery is the time between looks at the disk.
	superviseEvery = 250 * time.Millisecond
)

// Storage is what a server has on its disk, in bytes.
type Storage struct {
	// Used is what the engine has stored, Limit the most that it may (0: no limit but the disk).
	Used, Limit int64
	// Free is what the disk has left.
	Free int64
	// Reserve is what is kept of Limit and Free for claims and control records.
	Reserve int64
	// Stopped says why the engine stores nothing for now; empty while it does.
	Stopped string
}

// Err is an engine.ErrNoRoom if the reserve is begun.
func (s Storage) Err() error {
	switch {
	case s.Limit > 0 && s.Used > s.Limit-s.Reserve:
		return fmt.Errorf("%w: %d bytes are stored and the limit is %d; raise it (--max-store), or take data away", engine.ErrNoRoom,
			s.Used, s.Limit)
	case s.Free < s.Reserve:
		return fmt.Errorf("%w: the disk has %d bytes left, of which %d are kept for claims; make room", engine.ErrNoRoom,
			s.Free, s.Reserve)
	case s.Stopped != "":
		return fmt.Errorf("%w: %s", engine.ErrNoRoom, s.Stopped)
	}
	return nil
}

// supervisor looks at the disk of a server. The engine doesn't survive a full one: a write that failed stops a stream, or
// the server's whole JetStream, until it is started again. That is done here, as soon as there is room.
type supervisor struct {
	s      *Server
	cfg    ServerConfig
	log    *slog.Logger
	failed *atomic.Bool // a write has failed since the engine was started
	left   atomic.Bool  // the server is leaving its cluster: what stops its storage then is no fault

	mu          sync.Mutex
	was         Storage
	restartedAt time.Time     // when the storage was last started again
	pause       time.Duration // before it is again
}

// storage looks at the disk now.
func (v *supervisor) storage() (Storage, error) {
	free, size, err := diskSpace(v.cfg.Dir)
	if err != nil {
		return Storage{}, fmt.Errorf("look at the disk of %s: %w", v.cfg.Dir, err)
	}
	st := Storage{Limit: v.cfg.MaxStore, Free: free, Reserve: min(maxReserve, size/reserveShare)}
	if st.Limit > 0 {
		st.Reserve = min(st.Reserve, st.Limit/reserveShare)
	}
	if info, err := v.s.ns.Jsz(nil); err == nil && info != nil {
		st.Used = int64(info.Store)
	}
	switch {
	case !v.s.ns.JetStreamEnabled():
		st.Stopped = "the engine has stopped storing"
	case v.failed.Load():
		st.Stopped = "a write to the disk has failed"
	}
	return st, nil
}

// run looks until ctx ends.
func (v *supervisor) run(ctx context.Context) {
	tick := time.NewTicker(superviseEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			v.look()
		case <-ctx.Done():
			return
		}
	}
}

// look tells of a disk that gets full and of one that has room again, and starts again what a full one has stopped.
func (v *supervisor) look() {
	st, err := v.storage()
	if err != nil {
		v.log.Error("the disk can't be looked at", "err", err)
		return
	}
	v.mu.Lock()
	before := v.was.Err()
	v.was = st
	v.mu.Unlock()
	if now := st.Err(); (now == nil) != (before == nil) {
		if now != nil {
			v.log.Error("the engine has no room left; sources wait until there is", "err", now)
		} else {
			v.log.Info("the engine has room again", "free", st.Free, "used", st.Used)
		}
	}
	if st.Stopped != "" && st.Free > 2*st.Reserve && !v.left.Load() {
		v.restart()
	}
}

const (
	// firstRestart and lastRestart are the times between attempts to start the storage again: the first, and to which it grows.
	firstRestart = time.Second
	lastRestart  = time.Minute
)

// restartJetStream is what the NATS server does to start its storage with the options that it was started with, on what is
// on the disk. It is not exported; if a later version has it no more, this program doesn't link.
//
//go:linkname restartJetStream github.com/nats-io/nats-server/v2/server.(*Server).restartJetStream
func restartJetStream(s *server.Server) error

// restart starts the engine's storage again, when it has stopped whole: while the server is still stopping it, two sets of
// stores would write to one folder.
func (v *supervisor) restart() {
	ns := v.s.ns
	if !ns.JetStreamEnabled() && ns.JetStreamConfig() != nil || time.Since(v.restartedAt) < v.pause {
		return
	}
	v.log.Warn("there is room on the disk; the engine's storage is started again")
	v.mu.Lock()
	v.pause, v.restartedAt = min(max(2*v.pause, firstRestart), lastRestart), time.Now()
	v.mu.Unlock()
	v.failed.Store(false)
	err := ns.ShutdownJetStream() // which a failed write alone doesn't do
	if err == nil {
		err = restartJetStream(ns)
	}
	if err != nil {
		v.log.Error("the engine's storage does not start; it is tried again", "err", err, "in", v.pause)
	}
}

// Storage is what was found when the disk was looked at last, at most a second ago.
func (s *Server) Storage() Storage {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	return s.room.was
}

// Room is nil if an append of a log may be tried, and else wraps engine.ErrNoRoom. Of a cluster it looks at the limit only:
// where one server's disk is full the others go on. It looks at the disk each time, and at the rest as it was lately.
func (s *Server) Room() error {
	st := s.Storage()
	if s.room.cfg.Cluster != "" {
		st.Free, st.Stopped = st.Reserve, ""
		return st.Err()
	}
	free, _, err := diskSpace(s.room.cfg.Dir)
	if err != nil {
		return fmt.Errorf("%w: look at the disk of %s: %w", engine.ErrNoRoom, s.room.cfg.Dir, err)
	}
	st.Free = free
	return st.Err()
}

// restarted is when the engine's storage was last started again; zero if never.
func (s *Server) restarted() time.Time {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	return s.room.restartedAt
}
