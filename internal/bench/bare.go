package bench

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// bareAnswer is as long as a node's answer to an update is.
const bareAnswer = `{"results":[{"shard":0,"position":1000000,"adds":1,"deletes":1,` +
	`"head":"ni:///sha-256;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}],"adds":1,"deletes":1}` + "\n"

// serveBare has requests read and answered by the same HTTP server that a node has, and by nothing behind it: what the way there and back costs whatever
// is done with the requests. It calls use with the address, and returns when the server has ended.
func serveBare(ctx context.Context, use func(door string) error) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // what is missing of it the client finds
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, bareAnswer)
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	err = errors.Join(use("http://"+ln.Addr().String()), server.Close())
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
