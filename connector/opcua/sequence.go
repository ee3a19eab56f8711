package opcua

import "github.com/gopcua/opcua/ua"

// sequence puts the messages of a subscription in the order in which the server has numbered them. Several requests are under
// way, so that answers may be looked at in another order than that in which they have come. It is pure.
//
// This is what comes of a message whose number is that of the next one, an earlier or a later one:
//
//	input       next                             earlier   later
//	data        taken, and those held behind it  dropped   held
//	keep-alive  a sign                           a sign    no sign
//
// A later number is held until those before have come. Where they never do nothing is a sign of the server any more, and the
// session ends; so it does at once when more than maxHeld are held.
type sequence struct {
	next uint32                             // number of the next message with data
	held map[uint32]*ua.NotificationMessage // later ones
}

// maxHeld bounds the messages that wait for one before them: few requests are under way at a time.
const maxHeld = 16

func newSequence() *sequence {
	return &sequence{next: 1, held: map[uint32]*ua.NotificationMessage{}}
}

// add takes in a message, and returns those that are in order now. sign reports that the server is where it should be.
func (s *sequence) add(m *ua.NotificationMessage) (ready []*ua.NotificationMessage, sign bool) {
	later := int32(m.SequenceNumber-s.next) > 0
	if len(m.NotificationData) == 0 {
		return nil, !later
	}
	if int32(m.SequenceNumber-s.next) < 0 {
		return nil, false
	}
	s.held[m.SequenceNumber] = m
	for {
		m, ok := s.held[s.next]
		if !ok {
			return ready, len(ready) > 0
		}
		delete(s.held, s.next)
		ready = append(ready, m)
		if s.next++; s.next == 0 { // 0 is never used
			s.next = 1
		}
	}
}
