package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
)

// asker asks one query after the other over a connection of its own. It is used by one goroutine.
type asker struct{ *connection }

func newAsker(ctx context.Context, door string) (*asker, error) {
	c, err := dial(ctx, door)
	return &asker{c}, err
}

// ask returns the number of rows of a SELECT of ?p ?o.
func (a *asker) ask(text string) (rows int, err error) {
	const headers = "Content-Type: application/sparql-query\r\nAccept: application/sparql-results+json\r\n"
	if err := a.post("/sparql", headers, []byte(text)); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(a.in, nil)
	if err != nil {
		return 0, err
	}
	a.body.Reset()
	if _, err := a.body.ReadFrom(answer.Body); err != nil {
		return 0, err
	}
	if err := answer.Body.Close(); err != nil {
		return 0, err
	}
	if why := answer.Trailer.Get("Quadrille-Error"); why != "" || answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s %s: %s", answer.Status, why, a.body.String())
	}
	return bytes.Count(a.body.Bytes(), []byte(`"o":`)), nil
}
