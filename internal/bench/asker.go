package bench

import (
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

// The media types of answers.
const (
	answersJSON = "application/sparql-results+json"
	answersTSV  = "text/tab-separated-values"
)

// ask returns the answer of a query in a media type. It is valid until the next is asked.
func (a *asker) ask(text, mediaType string) ([]byte, error) {
	headers := "Content-Type: application/sparql-query\r\nAccept: " + mediaType + "\r\n"
	if err := a.post("/sparql", headers, []byte(text)); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(a.in, nil)
	if err != nil {
		return nil, err
	}
	a.body.Reset()
	if _, err := a.body.ReadFrom(answer.Body); err != nil {
		return nil, err
	}
	if err := answer.Body.Close(); err != nil {
		return nil, err
	}
	if why := answer.Trailer.Get("Quadrille-Error"); why != "" || answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s", answer.Status, why, a.body.String())
	}
	return a.body.Bytes(), nil
}
