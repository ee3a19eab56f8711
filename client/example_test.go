package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/quadrille-stream/quadrille/client"
)

// A program that sends a change through any of several nodes, with a key that makes sending again harmless, and follows what is
// committed. A server stands in for the nodes here.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.WriteString(w, `{"results":[{"shard":0,"position":7,"adds":1,"deletes":0}],"adds":1,"deletes":0}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "id: 0:7:AbCdEfGh-_012345\ndata: {\"shard\":0,\"position\":7,\"id\":\"ni:///sha-256;AbCdEfGh-_0123456789\",\"patch\":\"TX .\\nA <urn:s> <urn:p> <urn:o> .\\nTC .\\n\"}\n\n")
	}))
	defer server.Close()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	c := client.New("a token, if the nodes ask for one")
	defer c.Close()

	session := client.NewSession(c, []string{server.URL}, 0, time.Minute)
	accepted, err := session.Submit(ctx, client.TypePatch, "message 17", []byte("A <urn:s> <urn:p> <urn:o> .\n"))
	fmt.Println(accepted.Adds, "added at", accepted.Results[0].Position, err)

	err = c.Changes(ctx, server.URL, url.Values{"from": {"start"}, "live": {"false"}},
		client.Reader{Change: func(change client.Change, cursor client.Cursor) error {
			fmt.Printf("%sgo on from %s\n", change.Patch, cursor)
			return nil
		}})
	fmt.Println(err)
	// Output:
	// 1 added at 7 <nil>
	// TX .
	// A <urn:s> <urn:p> <urn:o> .
	// TC .
	// go on from 0:7:AbCdEfGh-_012345
	// <nil>
}
