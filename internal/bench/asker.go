package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// asker asks one query after the other over a connection of its own, which it keeps. It does no more than it takes to read the answers,
// since it has the same processors as the nodes that are measured. It is used by one goroutine.
type asker struct {
	conn    net.Conn
	in      *bufio.Reader
	host    string
	request []byte
	body    bytes.Buffer // of the last answer
}

// askWithin bounds the time of one query.
const askWithin = time.Minute

func newAsker(ctx context.Context, door string) (*asker, error) {
	u, err := url.Parse(door)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	return &asker{conn: conn, in: bufio.NewReader(conn), host: u.Host}, nil
}

func (a *asker) close() error { return a.conn.Close() }

// The media types of answers.
const (
	answersJSON = "application/sparql-results+json"
	answersTSV  = "text/tab-separated-values"
)

// ask returns the answer of a query in a media type. It is valid until the next is asked.
func (a *asker) ask(text, mediaType string) ([]byte, error) {
	a.request = fmt.Appendf(a.request[:0], "POST /sparql HTTP/1.1\r\nHost: %s\r\nContent-Type: application/sparql-query\r\n"+
		"Accept: %s\r\nContent-Length: %d\r\n\r\n%s", a.host, mediaType, len(text), text)
	if err := a.conn.SetDeadline(time.Now().Add(askWithin)); err != nil {
		return nil, err
	}
	if _, err := a.conn.Write(a.request); err != nil {
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
