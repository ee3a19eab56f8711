package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/quadrille-stream/quadrille/internal/clock"
)

// connection is one to a door, which is kept for one request after the other. It does no more than it takes to send them and to read the
// answers, since it has the same processors as the nodes that are measured. It is used by one goroutine.
type connection struct {
	conn    net.Conn
	in      *bufio.Reader
	host    string
	request []byte
	body    bytes.Buffer // of the last answer
}

// answeredWithin bounds the time of one request.
const answeredWithin = time.Minute

// dial connects to the door at that address.
func dial(ctx context.Context, door string) (*connection, error) {
	u, err := url.Parse(door)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	return &connection{conn: conn, in: bufio.NewReader(conn), host: u.Host}, nil
}

func (c *connection) close() error { return c.conn.Close() }

// post sends a body to a path, with headers that each end with CRLF.
func (c *connection) post(path, headers string, body []byte) error {
	c.request = fmt.Appendf(c.request[:0], "POST %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n", path, c.host, headers, len(body))
	c.request = append(c.request, body...)
	if err := c.conn.SetDeadline(time.Now().Add(answeredWithin)); err != nil {
		return err
	}
	_, err := c.conn.Write(c.request)
	return err
}

// answer reads an answer that has a Content-Length, and returns its status. A node's answers to changes have one.
func (c *connection) answer() (status int, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(line, []byte(" "))
	if status, err = strconv.Atoi(string(rest[:min(3, len(rest))])); err != nil {
		return 0, fmt.Errorf("status line %q: %w", line, err)
	}
	length, err := c.length()
	if err != nil {
		return 0, err
	}
	c.body.Reset()
	_, err = io.CopyN(&c.body, c.in, int64(length))
	return status, err
}

// length reads the headers, and returns what they say of the body's length.
func (c *connection) length() (int, error) {
	length := -1
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimSpace(line)
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case len(line) == 0 && length < 0:
			return 0, errors.New("the answer has no Content-Length")
		case len(line) == 0:
			return length, nil
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil || length < 0 {
				return 0, fmt.Errorf("header %q of the answer: expected a length", line)
			}
		}
	}
}

// submit posts changes, and posts them again while the node has no room for some of them, for at most [patience]: each has a key, and counts once.
func (c *connection) submit(ctx context.Context, path, headers string, body []byte, retried func()) error {
	for begin := time.Now(); ; {
		if err := c.post(path, headers, body); err != nil {
			return err
		}
		status, err := c.answer()
		if err != nil {
			return err
		}
		refused, later := c.refusal(status)
		if refused == nil || !later || time.Since(begin) > patience {
			return refused
		}
		retried()
		if err := clock.Sleep(ctx, busyPause); err != nil {
			return err
		}
	}
}

// refusal is an error if the last answer says that what was sent, or a part of it, has not been taken; later says that it may be when it is sent
// again.
func (c *connection) refusal(status int) (err error, later bool) {
	text := c.body.Bytes()
	_, failed, parts := bytes.Cut(text, []byte(`"failed":`))
	if status == http.StatusOK && (!parts || bytes.HasPrefix(failed, []byte("0,"))) {
		return nil, false
	}
	if begin := bytes.Index(text, []byte(`"problem":`)); begin >= 0 {
		text = text[begin:]
	}
	later = status == http.StatusServiceUnavailable || status == http.StatusOK && !bytes.Contains(text, []byte(`"status":4`))
	return fmt.Errorf("status %d: %.300s", status, text), later
}

// busyPause is the time before a request is sent again that a node had no room for.
const busyPause = 50 * time.Millisecond
