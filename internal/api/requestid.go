package api

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"strings"
)

// requestIDHeader names a request, in the answer and in the log.
const requestIDHeader = "X-Request-Id"

// maxRequestID bounds one that a client has made.
const maxRequestID = 128

// requestID returns the client's name for the request, if that is visible ASCII and not long, else a new one.
func requestID(r *http.Request) string {
	id := r.Header.Get(requestIDHeader)
	visible := func(c rune) bool { return c > ' ' && c <= '~' }
	if id == "" || len(id) > maxRequestID || strings.IndexFunc(id, func(c rune) bool { return !visible(c) }) >= 0 {
		return rand.Text()[:16]
	}
	return id
}

// log returns the logger with the name of the request that w answers.
func (a *API) log(w http.ResponseWriter) *slog.Logger {
	return a.cfg.Logger.With("request_id", w.Header().Get(requestIDHeader))
}
