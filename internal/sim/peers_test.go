package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// peers makes the peers of a scenario: sources of one stream each, and sinks, by their names.
func (s *scenario) peers(sources, sinks string) {
	for name := range strings.SplitSeq(sources, ",") {
		if name != "" {
			s.w.addBroker(name, 1).produce()
		}
	}
	for name := range strings.SplitSeq(sinks, ",") {
		if name != "" {
			s.w.addTarget(name, name == "once")
		}
	}
}

// peer does what concerns a peer.
func (s *scenario) peer(do string, args []string) (err error) {
	switch do {
	case "peers":
		s.showPeers()
		return nil
	case "late":
		s.w.late, err = time.ParseDuration(args[1])
		return err
	}
	for _, b := range s.w.brokers {
		if b.name != args[0] {
			continue
		}
		of := b.streams[0]
		switch do {
		case "message":
			of.make(len(args) > 1)
			b.pump()
		case "down":
			b.outage()
		case "reset":
			of.group, err = strconv.ParseUint(args[1], 10, 64)
		}
	}
	return err
}

func (s *scenario) showPeers() {
	for _, b := range s.w.brokers {
		of := b.streams[0]
		fmt.Fprintf(&s.out, "%s: %d messages, acked before offset %d, noted before offset %d\n", b.name, len(of.messages), of.group, of.noted())
	}
	for _, t := range s.w.targets {
		for _, h := range t.shards {
			fmt.Fprintf(&s.out, "%s: %d of %d deltas, up to position %d\n", h, h.next, len(s.w.check.shards[h.shard].deltas), h.at.Position)
		}
	}
}
