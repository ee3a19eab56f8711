package cli

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
)

// TestDocumentTime: a document that takes too long is an error that is not taken for the end of the evaluation's own time.
func TestDocumentTime(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/turtle")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	d := &documents{hosts: &serviceFlag{AllowHost: []string{strings.TrimPrefix(server.URL, "http://")}}, data: &dataFlags{}, most: 1000, time: time.Millisecond}
	add := func(rdf.Quad) error { return nil }
	err := d.Load(t.Context(), rdf.Trusted("<"+server.URL+">"), "b", add)
	if err == nil || err.Error() != "it has taken more than 1ms" || errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	d.time = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := d.Load(ctx, rdf.Trusted("<"+server.URL+">"), "b", add); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
