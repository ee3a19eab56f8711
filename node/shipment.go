package node

import (
	"context"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
)

const (
	// sendTimeout bounds how long the transport has for a batch, and once more for each sendBytes; who waits for it sends
	// it again.
	sendTimeout = time.Second
	sendBytes   = 4 << 20
)

// shipment is a batch that is being handed over to the transport.
type shipment struct {
	node  string
	batch event.Batch
	again bool // it was to be sent once more meanwhile
	stop  context.CancelFunc
}

// carries reports whether it is that batch, on its way to that node: there may be a later answer to the same events.
func (s *shipment) carries(node string, b event.Batch) bool {
	mine := s.batch.Acks
	return s.node == node && s.batch.ID == b.ID && len(mine) == len(b.Acks) && (len(mine) == 0 || mine[0].Status == b.Acks[0].Status)
}

// shipments are those of answers, one to each node.
type shipments struct {
	mu   sync.Mutex
	list map[string]*shipment
}

// add has one take the place of that to the same node, which asks about one batch at a time. It reports false if that is
// the same answer: it is still on its way. The loop calls it before it hands the answer over.
func (s *shipments) add(this *shipment) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before := s.list[this.node]; before != nil {
		if before.carries(this.node, this.batch) {
			return false
		}
		before.stop()
	}
	if s.list == nil {
		s.list = map[string]*shipment{}
	}
	s.list[this.node] = this
	return true
}

func (s *shipments) remove(this *shipment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list[this.node] == this {
		delete(s.list, this.node)
	}
}

// hand hands a batch over in a job, so that neither a sender nor a loop waits for a way that is full, or for a batch that is
// large; done is told how that ended. A later shipment of the same shard may overtake one that was stopped: batches have
// ids, and an answer to one of before is ignored.
func (n *Node) hand(ctx context.Context, s *shipment, done func(error)) {
	size := shipper.BatchWireBound(&s.batch)
	ctx, s.stop = context.WithTimeout(ctx, sendTimeout*time.Duration(1+size/sendBytes))
	n.jobs.Go(func() {
		err := n.ship.ShipBatch(ctx, s.node, s.batch)
		s.stop()
		done(err)
	})
}
