package sim

import (
	"maps"
	"slices"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

// raise keeps what a node knows of how far a shard's log goes, as package node does in a file that outlives its processes.
func (w *world) raise(name string, shard int, m engine.Mark) {
	if w.cfg.Forgetful {
		return
	}
	marks := w.marksOf(name)
	if m.Position > marks[shard].Position {
		marks[shard] = m
	}
}

func (w *world) marksOf(name string) []engine.Mark {
	if w.marks[name] == nil {
		w.marks[name] = make([]engine.Mark, w.cfg.Shards)
	}
	return w.marks[name]
}

// mark is what the process's node knows of a shard. A process may have other settings than the others, with more shards.
func (p *proc) mark(shard int) engine.Mark {
	if shard >= p.w.cfg.Shards {
		return engine.Mark{}
	}
	return p.w.marksOf(p.name)[shard]
}

// owned are the marks of the shards that the process owns: what a beat tells.
func (p *proc) owned() map[int]engine.Mark {
	marks := map[int]engine.Mark{}
	for s, l := range p.loops {
		if l.op.State() == operator.Owning {
			marks[s] = p.mark(s)
		}
	}
	return marks
}

// heardMarks takes in those of a beat.
func (p *proc) heardMarks(marks map[int]engine.Mark) {
	for _, s := range slices.Sorted(maps.Keys(marks)) {
		p.w.raise(p.name, s, marks[s])
	}
}

// lose cuts the log before the entry with that index, on all replicas at once.
func (l *simLog) lose(i int) {
	s := l.w.check.shards[l.shard]
	s.damaged, s.lost, s.processes = true, map[string]bool{}, len(l.w.procs)
	for _, e := range l.entries[i:] {
		s.lost[string(e.Payload)] = true
	}
	l.w.note("%v loses its records from position %d on", l, l.entries[i].Seq)
	l.entries = slices.Clip(l.entries[:i])
}

// loseTail ends every process, and one log loses records of which all nodes know.
func (w *world) loseTail() {
	l := w.engine.shards[w.rng.IntN(w.cfg.Shards)]
	known := l.tail()
	for _, name := range w.names {
		if w.cfg.Forgetful {
			break
		}
		known = min(known, w.marksOf(name)[l.shard].Position)
	}
	w.faultPowerLoss()
	n := 0
	for n < len(l.entries) && l.entries[n].Seq <= known {
		n++
	}
	if n > 0 {
		l.lose(w.rng.IntN(n))
		w.lost++
	}
}

// written checks an entry of a log that has lost its end: nobody may write on, but what was lost may come once more, and
// so may what a process that is gone has sent long ago to where the log ends now.
func (s *shardCheck) written(p *proc, e engine.Entry) {
	if !s.lost[string(e.Payload)] && p.id >= s.processes {
		s.w.broken(ErrDurable, "shard %d, position %d: a record behind an end that is lost", s.shard, e.Seq)
	}
}

// lostEnd checks that nobody who has started since owns a shard whose log has lost its end.
func (s *shardCheck) lostEnd(l *loop) {
	if s.lost != nil && l.op.State() == operator.Owning && l.p.id >= s.processes {
		s.w.broken(ErrDurable, "%s owns shard %d, whose log has lost its end", l.p, l.shard)
	}
}

// losing reports whether a log has lost its end.
func (w *world) losing() bool {
	return slices.ContainsFunc(w.check.shards, func(s *shardCheck) bool { return s.lost != nil })
}
