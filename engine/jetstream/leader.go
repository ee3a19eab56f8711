package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// storedMessage is a message as the leader of a stream gives it out; see StoredMsg of the NATS server.
type storedMessage struct {
	Subject string    `json:"subject"`
	Seq     uint64    `json:"seq"`
	Header  []byte    `json:"hdrs"`
	Data    []byte    `json:"data"`
	Time    time.Time `json:"time"`
}

// message makes of it what a replica would have answered.
func (m *storedMessage) message() (*nats.Msg, error) {
	header := nats.Header{}
	if len(m.Header) > 0 {
		var err error
		if header, err = nats.DecodeHeadersMsg(m.Header); err != nil {
			return nil, fmt.Errorf("headers of message %d: %w", m.Seq, err)
		}
	}
	header.Set(headerSubject, m.Subject)
	header.Set(headerSequence, strconv.FormatUint(m.Seq, 10))
	header.Set(headerTime, m.Time.Format(time.RFC3339Nano))
	return &nats.Msg{Subject: m.Subject, Header: header, Data: m.Data}, nil
}

// leaders asks the leader of the stream for one message: a second opinion on what a replica has said. nil: the leader has
// none. It tries until ctx ends.
func (s *stream) leaders(ctx context.Context, req *getRequest) (*nats.Msg, error) {
	request, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	var wait pause
	for {
		var answer struct {
			Message *storedMessage `json:"message"`
		}
		err := s.api(ctx, "$JS.API.STREAM.MSG.GET."+s.name, request, &answer)
		var refused *apiError
		switch {
		case err == nil && answer.Message != nil:
			return answer.Message.message()
		case errors.As(err, &refused) && refused.Code == codeNoMessage:
			return nil, nil
		case err != nil && !passing(err):
			return nil, fmt.Errorf("ask the leader of %s: %w", s.name, err)
		}
		if ended := wait.wait(ctx); ended != nil {
			return nil, errors.Join(ended, err)
		}
	}
}

// anotherEvery is the shortest time between elections that are asked for: the other logs of the stream go on.
const anotherEvery = time.Minute

// another makes the stream elect another leader, whose opinion is a third one. That it fails is no matter: whoever asks
// again then hears the same.
func (s *stream) another(ctx context.Context) {
	s.mu.Lock()
	soon := time.Since(s.askedForAnother) < anotherEvery
	if !soon {
		s.askedForAnother = time.Now()
	}
	s.mu.Unlock()
	if soon {
		return
	}
	var answer struct{}
	if err := s.api(ctx, "$JS.API.STREAM.LEADER.STEPDOWN."+s.name, nil, &answer); err != nil {
		s.alarm("the leader of a stream that seems to be damaged does not step down", "stream", s.name, "err", err)
	}
}

// watchElections tells streams when they elect a leader, as long as the connection lives.
func watchElections(nc *nats.Conn, streams ...*stream) error {
	const advisories = "$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED."
	bySubject := map[string]*stream{}
	for _, s := range streams {
		bySubject[advisories+s.name] = s
	}
	_, err := nc.Subscribe(advisories+"*", func(m *nats.Msg) {
		if s := bySubject[m.Subject]; s != nil {
			s.hasElected()
		}
	})
	if err != nil {
		return fmt.Errorf("listen to elections: %w", err)
	}
	return nil
}
