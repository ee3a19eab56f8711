package client

import (
	"context"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
)

// causes are the errors that codes of the API stand for.
var causes = map[string]error{
	"unsupported_media_type": event.ErrMediaType,
	"too_large":              event.ErrTooLarge,
	"bad_key":                event.ErrKey,
	"key_reused":             event.ErrReused,
	"bad_event":              event.ErrBad,
	"prev_needs_dataset":     event.ErrPrev,
	"halted":                 event.ErrHalted,
	"stopped":                event.ErrStopped,
	"no_room":                engine.ErrNoRoom,
	"no_leader":              engine.ErrNoLeader,
	"busy":                   event.ErrBusy,
	"no_owner":               event.ErrNoOwner,
	"timeout":                context.DeadlineExceeded,
	"canceled":               context.Canceled,
}

// Cause returns the error that a code of the API stands for, nil if it stands for none.
func Cause(code string) error { return causes[code] }
