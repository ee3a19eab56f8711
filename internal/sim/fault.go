package sim

import (
	"time"
)

// chaos says how often things go wrong by themselves. All are probabilities but Slow.
type chaos struct {
	LoseRequest, LoseAnswer, LateRequest, Refuse float64 // of appends
	FailRead                                     float64 // of reads, follows and snapshots
	Drop, Duplicate, Late                        float64 // of batches and beats between nodes
	TooLarge                                     float64 // of batches with more than one event: the transport can't carry it
	PeerFails, Redeliver                         float64 // of calls of a connector's peer, and of messages
	Slow                                         time.Duration
}

// randomChaos is nothing, a little or much of each.
func (w *world) randomChaos() chaos {
	p := func(much float64) float64 { return much * [...]float64{0, 0, 0.2, 1}[w.rng.IntN(4)] }
	return chaos{
		LoseRequest: p(0.1), LoseAnswer: p(0.15), LateRequest: p(0.1), Refuse: p(0.2), FailRead: p(0.1),
		Drop: p(0.15), Duplicate: p(0.3), Late: p(0.2), TooLarge: p(0.3),
		PeerFails: p(0.15), Redeliver: p(0.2), Slow: time.Duration(p(float64(80 * time.Millisecond))),
	}
}

// faults are what the schedule injects besides.
var faults = []struct {
	weight int
	inject func(*world)
}{
	{6, (*world).faultCrash},
	{5, (*world).faultPause},
	{5, (*world).faultDisconnect},
	{3, (*world).faultFlap},
	{3, (*world).faultCut},
	{2, (*world).faultPartition},
	{3, (*world).faultNoMajority},
	{2, (*world).faultFull},
	{1, (*world).faultPowerLoss},
	{3, (*world).faultHang},
	{3, (*world).faultSlow},
	{3, (*world).faultLag},
	{3, (*world).faultClock},
	{2, (*world).faultTwin},
	{2, (*world).faultLeave},
	{2, (*world).faultSnapshot},
	{2, (*world).faultWeather},
	{3, (*world).faultPeer},
}

// fault injects one fault, and makes the next due.
func (w *world) fault() {
	if w.now > w.cfg.Faults {
		return
	}
	w.faults++
	total := 0
	for _, f := range faults {
		total += f.weight
	}
	at := w.rng.IntN(total)
	for _, f := range faults {
		if at -= f.weight; at < 0 {
			f.inject(w)
			break
		}
	}
	w.after(w.between(50*time.Millisecond, 2500*time.Millisecond), w.fault)
}

// live are the processes that run.
func (w *world) live() []*proc {
	var list []*proc
	for _, p := range w.procs {
		if !p.dead {
			list = append(list, p)
		}
	}
	return list
}

// some is one of the processes that run, or nil.
func (w *world) some() *proc {
	list := w.live()
	if len(list) == 0 {
		return nil
	}
	return list[w.rng.IntN(len(list))]
}

// briefly does a thing to one process, and undoes it after a while.
func (w *world) briefly(do, undo func(p *proc)) {
	if p := w.some(); p != nil {
		do(p)
		w.after(w.aWhile(), func() { undo(p) })
	}
}

// aWhile is short more often than not, and sometimes longer than a failed node is waited for.
func (w *world) aWhile() time.Duration {
	longest := [...]time.Duration{100 * time.Millisecond, time.Second, 4 * time.Second, 12 * time.Second}
	return w.between(0, longest[w.rng.IntN(len(longest))])
}

func (w *world) faultCrash() { w.briefly(func(p *proc) { p.kill("it is killed") }, func(*proc) {}) }

func (w *world) faultPause() { w.briefly((*proc).pause, (*proc).resume) }

func (w *world) faultDisconnect() {
	direction, own := w.rng.IntN(3), w.rng.IntN(2) > 0
	w.briefly(func(p *proc) { p.disconnect(direction != 0, direction != 1, own) }, (*proc).connect)
}

// faultFlap cuts a process off and back again and again.
func (w *world) faultFlap() {
	p := w.some()
	if p == nil {
		return
	}
	for range 2 + w.rng.IntN(6) {
		w.after(w.between(0, 6*time.Second), func() {
			if w.now > w.cfg.Faults {
				return
			}
			p.disconnect(w.rng.IntN(3) > 0, w.rng.IntN(3) > 0, w.rng.IntN(2) > 0)
			w.after(w.between(50*time.Millisecond, 900*time.Millisecond), p.connect)
		})
	}
}

// faultCut cuts one direction between two nodes.
func (w *world) faultCut() {
	l := link{w.names[w.rng.IntN(len(w.names))], w.names[w.rng.IntN(len(w.names))]}
	w.note("nothing gets from %s to %s", l.from, l.to)
	w.network.cut[l] = true
	w.after(w.aWhile(), func() { delete(w.network.cut, l) })
}

// faultPartition cuts the nodes into two groups.
func (w *world) faultPartition() {
	side := map[string]bool{}
	for _, name := range w.names {
		side[name] = w.rng.IntN(2) == 0
	}
	w.note("partition: %v", side)
	for _, a := range w.names {
		for _, b := range w.names {
			if side[a] != side[b] {
				w.network.cut[link{a, b}] = true
			}
		}
	}
	w.after(w.aWhile(), func() { clear(w.network.cut) })
}

// oneOrAllLogs draws what a fault of the engine meets.
func (w *world) oneOrAllLogs() []*simLog {
	logs := w.engine.logs()
	if w.rng.IntN(2) == 0 {
		i := w.rng.IntN(len(logs))
		logs = logs[i : i+1]
	}
	return logs
}

// faultNoMajority stalls one log, or all.
func (w *world) faultNoMajority() {
	logs := w.oneOrAllLogs()
	w.note("%v: no majority", logs)
	for _, l := range logs {
		l.setDown(true)
	}
	w.after(w.aWhile(), func() {
		for _, l := range logs {
			l.setDown(false)
		}
	})
}

// faultFull takes one log the room for more, or all.
func (w *world) faultFull() {
	logs := w.oneOrAllLogs()
	w.note("%v: no room", logs)
	for _, l := range logs {
		l.full = true
	}
	w.after(w.aWhile(), func() {
		for _, l := range logs {
			l.full = false
		}
	})
}

// faultPowerLoss ends every process, and with them what has not reached a log.
func (w *world) faultPowerLoss() {
	for _, p := range w.live() {
		p.kill("power loss")
	}
	for _, l := range w.engine.logs() {
		l.held = nil
	}
}

// faultHang makes one shard of one process hang.
func (w *world) faultHang() {
	s := w.rng.IntN(w.cfg.Shards)
	w.briefly(func(p *proc) { p.hang(s) }, func(p *proc) { p.loops[s].letGo() })
}

func (p *proc) hang(shard int) {
	p.w.note("%s shard %d hangs", p, shard)
	p.loops[shard].hung = true
}

func (w *world) faultSlow() {
	slow := w.between(0, 300*time.Millisecond)
	w.briefly(func(p *proc) { p.slow = slow }, func(p *proc) { p.slow = 0 })
}

// faultLag makes one process late to act on assignments, so that it learns from the shards' logs first.
func (w *world) faultLag() {
	lag := w.between(0, 5*time.Second)
	w.briefly(func(p *proc) { p.lag = lag }, func(p *proc) { p.lag = 0 })
}

// faultClock makes a wall clock jump, forward or back, by up to a second, an hour or ten days.
func (w *world) faultClock() {
	far := [...]time.Duration{time.Second, time.Hour, 240 * time.Hour}[w.rng.IntN(3)]
	jump := w.between(-far, far)
	if p := w.some(); p != nil {
		w.note("%s: the clock jumps by %v", p, jump)
		p.jump += jump
	}
}

// faultTwin starts a second process under a name.
func (w *world) faultTwin() { w.start(w.names[w.rng.IntN(len(w.names))]) }

func (w *world) faultLeave() {
	if p := w.some(); p != nil && p.entry != nil {
		p.do(p.leave)
	}
}

// faultSnapshot loses or damages snapshots.
func (w *world) faultSnapshot() {
	s := w.rng.IntN(w.cfg.Shards)
	list := w.engine.blobs[s]
	if len(list) == 0 {
		return
	}
	w.note("shard %d: the newest snapshot is lost or damaged", s)
	if w.rng.IntN(2) == 0 {
		w.engine.blobs[s] = list[1:]
		return
	}
	data := append([]byte(nil), list[0].data...)
	data[w.rng.IntN(len(data))] ^= 1 << w.rng.IntN(8)
	list[0].data = data
}

// faultWeather changes how often things go wrong by themselves.
func (w *world) faultWeather() { w.chaos = w.randomChaos() }

// faultPeer cuts a connection of a source or all for a while, gives the streams to others, or sets the group's offsets elsewhere.
func (w *world) faultPeer() {
	if len(w.brokers) == 0 {
		return
	}
	b := w.brokers[w.rng.IntN(len(w.brokers))]
	switch w.rng.IntN(4) {
	case 0:
		b.reset()
	case 1:
		b.outage()
	case 2:
		b.rebalance()
	default:
		if n := len(b.conns); n > 0 {
			b.conns[w.rng.IntN(n)].cut()
		}
	}
}

// ended is told of each process that has ended.
func (w *world) ended(p *proc) {
	if w.supervised {
		w.after(w.between(100*time.Millisecond, 6*time.Second), func() { w.restart(p.name) })
	}
}

// restart starts a process under a name that has none.
func (w *world) restart(name string) {
	for _, p := range w.live() {
		if p.name == name {
			return
		}
	}
	w.start(name)
}

// heal ends all faults; what was lost stays lost.
func (w *world) heal() {
	w.note("all faults end")
	w.chaos = chaos{}
	clear(w.network.cut)
	for _, l := range w.engine.logs() {
		l.setDown(false)
		l.full = false
	}
	for _, p := range w.live() {
		p.slow, p.lag = 0, 0
		p.connect()
		for _, l := range p.loops {
			l.letGo()
		}
		p.resume()
	}
	for _, name := range w.names {
		w.restart(name)
	}
}
