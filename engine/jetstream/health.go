package jetstream

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/engine"
)

// healthAttempt bounds the wait for what the servers say of one stream.
const healthAttempt = time.Second

// Health asks the leader of every stream how its replicas are, all at the same time.
func (p *pipeline) Health(ctx context.Context) engine.Health {
	h := engine.Health{Streams: make([]engine.StreamHealth, len(p.streams))}
	var all sync.WaitGroup
	for i, s := range p.streams {
		all.Go(func() { h.Streams[i] = s.health(ctx, p.cfg.Replicas) })
	}
	all.Wait()
	for s, l := range p.shards {
		i := slices.Index(p.streams, l.stream)
		h.Streams[i].Shards = append(h.Streams[i].Shards, s)
	}
	if p.cfg.Server != nil {
		for _, d := range p.cfg.Server.damages {
			h.Damages = append(h.Damages, d.String())
		}
		if what := p.cfg.Server.metaTrouble(); p.control.lacking("meta", what != "") {
			h.Troubles = append(h.Troubles, "the servers' own group: "+what)
		}
		away := p.cfg.Server.idleAway(h.Streams)
		if p.control.lacking("away", len(away) > 0) {
			h.Troubles = append(h.Troubles, fmt.Sprintf("the servers' own group counts a server that is away and keeps no log, so that one less of "+
				"the others may be away: %s; start it again, and if it is not to be a member any more, end it with --leave", strings.Join(away, ", ")))
		}
		st := p.cfg.Server.Storage()
		h.Storage = engine.Storage{Used: st.Used, Limit: st.Limit, Free: st.Free, Err: st.Err()}
		if err := p.cfg.Server.Room(); err != nil {
			for i := range h.Streams {
				h.Streams[i].Err = cmp.Or(h.Streams[i].Err, err)
			}
		}
	}
	return h
}

// health is how the stream is. One that the servers say is not there, again and again, is lost: who deletes a stream deletes
// what was accepted.
func (s *stream) health(ctx context.Context, replicas int) engine.StreamHealth {
	h := engine.StreamHealth{Name: s.name, Expected: replicas, Err: s.gone()}
	if h.Err != nil && !s.vanished.Load() {
		return h
	}
	info, err := s.info(ctx)
	switch {
	case isMissing(err):
		h.Err = s.notThere()
		return h
	case err != nil:
		s.missingSince.Store(nil)
		h.Err = fmt.Errorf("%w: stream %s: %w", engine.ErrNoLeader, s.name, err)
		return h
	}
	s.missingSince.Store(nil)
	if h.Err = s.again(info); h.Err != nil {
		return h
	}
	h.Leader, h.Replicas = s.replicasOf(info)
	s.ownReplica(h.Replicas)
	if h.Leader == "" {
		h.Err = fmt.Errorf("%w: stream %s: too few of its %d servers reach each other to elect one", engine.ErrNoLeader, s.name,
			replicas)
	} else if heard := len(h.Replicas) - count(h.Replicas, engine.Offline); heard <= replicas/2 {
		h.Err = fmt.Errorf("%w: stream %s: server %s, which has led it, hears %d of %d servers, itself included: too few to lead on",
			engine.ErrNoLeader, s.name, h.Leader, heard, replicas)
	}
	return h
}

func isMissing(err error) bool {
	var refused *apiError
	return errors.As(err, &refused) && refused.Code == codeNoStream
}

// notThere is called each time the servers say that there is no such stream. They may say so for a moment when they have
// just started.
func (s *stream) notThere() error {
	if err := s.gone(); err != nil {
		return err
	}
	now := time.Now()
	if s.server != nil && now.Sub(s.server.restarted()) < restartCalm {
		return fmt.Errorf("%w: stream %s is not there yet: the engine was just started again", engine.ErrNoLeader, s.name)
	}
	s.missingSince.CompareAndSwap(nil, &now)
	if since := s.missingSince.Load(); since != nil && now.Sub(*since) > missingFor {
		err := missing(s.name)
		s.vanished.Store(true)
		s.lost.Store(&err)
		s.alarm("the logs of a stream are lost; their shards halt, the others go on", "stream", s.name, "err", err)
		return err
	}
	return fmt.Errorf("%w: stream %s is not there at the moment", engine.ErrNoLeader, s.name)
}

// restartCalm is how long after a start of the engine's storage nothing is concluded from what it doesn't know.
const restartCalm = time.Minute

// again takes in that the stream answers. One that had vanished is believed to be back if it goes as far as it did: an empty
// one in its place is not.
func (s *stream) again(info *natsjs.StreamInfo) error {
	last := info.State.LastSeq
	if s.vanished.Load() {
		if last < s.lastSeen.Load() {
			return s.gone()
		}
		s.vanished.Store(false)
		s.lost.Store(nil)
		s.alarm("a stream that had vanished is there again; restart the node, so that its shards go on", "stream", s.name)
	}
	if last > s.lastSeen.Load() {
		s.lastSeen.Store(last)
	}
	return nil
}

// info asks the leader once.
func (s *stream) info(ctx context.Context) (*natsjs.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, healthAttempt)
	defer cancel()
	var raw json.RawMessage
	if err := s.api(ctx, "$JS.API.STREAM.INFO."+s.name, nil, &raw); err != nil {
		return nil, err
	}
	info := new(natsjs.StreamInfo)
	return info, json.Unmarshal(raw, info)
}

const (
	// behindFor is how long a copy must lack something to be behind: under load each lacks what is just being written.
	behindFor = 3 * time.Second
	// usualLag is what a healthy copy may lack under load, in operations.
	usualLag = 1000
)

// replicasOf lists the copies, that of the leader first. A stand-alone server names nobody. How the copies in
// a cluster are only their leader knows: without one, what a server says of them is what it last believed.
func (s *stream) replicasOf(info *natsjs.StreamInfo) (leader string, list []engine.ReplicaHealth) {
	c := cmp.Or(info.Cluster, &natsjs.ClusterInfo{})
	if c.Leader == "" && info.Config.Replicas <= 1 {
		return "this server", []engine.ReplicaHealth{{Server: "this server", State: engine.Current}}
	}
	if c.Leader != "" {
		list = append(list, engine.ReplicaHealth{Server: c.Leader, State: engine.Current})
	}
	for _, r := range c.Replicas {
		replica := engine.ReplicaHealth{Server: r.Name, State: engine.Current, Lag: r.Lag}
		switch {
		case c.Leader == "":
			replica.State, replica.Lag = engine.Unknown, 0
		case r.Offline:
			replica.State = engine.Offline
		case r.Active > behindFor:
			replica.State = engine.Offline
		case s.lacking(r.Name, !r.Current || r.Lag > usualLag):
			replica.State = engine.Behind
		}
		list = append(list, replica)
	}
	return c.Leader, list
}

// ownReplica adds what the server of this process says of its own copy, which its leader can't see: that a write has failed,
// or that what is committed isn't applied.
func (s *stream) ownReplica(list []engine.ReplicaHealth) {
	if s.server == nil {
		return
	}
	i := slices.IndexFunc(list, func(r engine.ReplicaHealth) bool { return r.Server == s.server.Name() })
	if i < 0 || list[i].State != engine.Current {
		return
	}
	why := s.server.replicaTrouble(s.name)
	if s.lacking(s.server.Name(), why != "") {
		list[i].State, list[i].Why = engine.Behind, why
	}
}

// replicaTrouble is what keeps this server's copy of a stream from being well; empty if nothing does.
func (s *Server) replicaTrouble(stream string) string {
	if !s.ns.JetStreamIsClustered() {
		return ""
	}
	h := s.ns.Healthz(&server.HealthzOptions{Account: "$G", Stream: stream, Details: true})
	if h == nil || len(h.Errors) == 0 {
		return ""
	}
	return h.Errors[0].Error
}

// metaTrouble is what keeps the group of all servers from being well, which decides where streams are; empty if nothing does.
func (s *Server) metaTrouble() string {
	if !s.ns.JetStreamIsClustered() {
		return ""
	}
	if h := s.ns.Healthz(&server.HealthzOptions{JSMetaOnly: true}); h != nil && h.Error != "" {
		return h.Error
	}
	return ""
}

// lacking notes whether a copy lacks something, and reports whether it has for long.
func (s *stream) lacking(server string, lacks bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, known := s.behind[server]
	switch {
	case !lacks:
		delete(s.behind, server)
		return false
	case !known:
		if s.behind == nil {
			s.behind = map[string]time.Time{}
		}
		s.behind[server] = time.Now()
		return false
	}
	return time.Since(since) > behindFor
}

func count(list []engine.ReplicaHealth, state engine.ReplicaState) (n int) {
	for _, r := range list {
		if r.State == state {
			n++
		}
	}
	return n
}
