package api

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/graph"
)

// typeParts is that of several documents in one body (RFC 2046, 5.1), each of which is what it would be in a request of its own. A form
// (multipart/form-data) is none: any web page may send one without asking before.
const typeParts = client.TypeParts

// part is a document with the headers that mean something; problem is why it can't be read.
type part struct {
	media, key string
	body       []byte
	problem    *problem
}

// errParts: a body is not in the form of RFC 2046.
var errParts = errors.New("the parts of the body can't be read")

var crlf = []byte("\r\n")

// partsOf divides a body at the lines that begin with the boundary. What stands before the first and behind the last is not looked at.
func partsOf(body []byte, boundary string) (parts []part, err error) {
	if boundary == "" || len(boundary) > 70 {
		return nil, fmt.Errorf("%w: expected a boundary of 1 to 70 characters in the Content-Type", errParts)
	}
	dashed := []byte("--" + boundary)
	_, at, last := nextDelimiter(body, dashed, 0)
	for at > 0 && !last {
		if len(parts) == client.MaxParts {
			return nil, fmt.Errorf("%w: there are more than %d; send them in several requests", errParts, client.MaxParts)
		}
		begin, end, isLast := nextDelimiter(body, dashed, at)
		if end < 0 {
			return nil, fmt.Errorf("%w: behind part %d there is no line --%s--", errParts, len(parts)+1, boundary)
		}
		parts = append(parts, partOf(body[at:max(at, begin-len(crlf))]))
		at, last = end, isLast
	}
	if at < 0 {
		return nil, fmt.Errorf("%w: no line of the body is --%s; its lines end with CRLF", errParts, boundary)
	}
	return parts, nil
}

// nextDelimiter finds the next line of a boundary: where it begins, where the next line does, and whether it is the last. end is -1 if there
// is none. Lines end with CRLF, as anywhere in such bodies; one that only begins like the boundary is content.
func nextDelimiter(body, dashed []byte, from int) (begin, end int, last bool) {
	for at := from; ; {
		i := bytes.Index(body[at:], dashed)
		if i < 0 {
			return 0, -1, false
		}
		begin = at + i
		at = begin + len(dashed)
		if begin > 0 && !bytes.HasSuffix(body[:begin], crlf) {
			continue
		}
		if bytes.HasPrefix(body[at:], []byte("--")) {
			return begin, at, true
		}
		rest := bytes.TrimLeft(body[at:], " \t")
		if bytes.HasPrefix(rest, crlf) {
			return begin, len(body) - len(rest) + len(crlf), false
		}
	}
}

// partOf reads the headers of a part. Those that it doesn't know mean nothing, as those of a request.
func partOf(text []byte) (p part) {
	var header []byte
	if bytes.HasPrefix(text, crlf) {
		p.body = text[len(crlf):]
	} else {
		header, p.body, _ = bytes.Cut(text, []byte("\r\n\r\n"))
	}
	for len(header) > 0 && p.problem == nil {
		var line []byte
		line, header, _ = bytes.Cut(header, crlf)
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(bytes.TrimSpace(name)) != len(name) || len(name) == 0 {
			p.problem = newProblem("body", "the line %q in the headers of the part is none of a header", line)
			return p
		}
		p.header(string(name), string(bytes.TrimSpace(value)))
	}
	if p.problem == nil && p.media == "" {
		p.problem = newProblem("unsupported_media_type", "the part has no Content-Type; send %s", strings.Join(documentTypes, ", "))
	}
	return p
}

// header takes in a header.
func (p *part) header(name, value string) {
	switch {
	case strings.EqualFold(name, "Content-Type") && p.media == "":
		p.media, p.problem = mediaIn(value, documentTypes)
	case strings.EqualFold(name, "Idempotency-Key") && p.key == "" && value != "":
		p.key = value
	case strings.EqualFold(name, "Content-Type"):
		p.problem = newProblem("unsupported_media_type", "the part has two headers Content-Type")
	case strings.EqualFold(name, "Idempotency-Key"):
		p.problem = newProblem("bad_key", "the header Idempotency-Key of the part is empty, or there twice; send one, or leave it out")
	case strings.EqualFold(name, "Content-Encoding") && !strings.EqualFold(value, "identity"),
		strings.EqualFold(name, "Content-Transfer-Encoding") && !slices.Contains([]string{"7bit", "8bit", "binary"}, strings.ToLower(value)):
		p.problem = newProblem("unsupported_encoding", "%s %q of a part is not supported; the body as a whole may be compressed", name, value)
	}
}

// postParts takes several documents in, and says what became of each.
func (a *API) postParts(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // it was looked at
	parts, err := partsOf(body, params["boundary"])
	if err != nil {
		newProblem("body", "%v", err).write(w)
		return
	}
	documents, of := make([]graph.Submission, 0, len(parts)), make([]int, 0, len(parts))
	outcomes := make([]client.Outcome, len(parts))
	for i, p := range parts {
		if p.problem != nil {
			outcomes[i].Problem = &p.problem.Problem
			continue
		}
		if p.key == "" && key != "" {
			p.key = key + "#" + strconv.Itoa(i+1)
		}
		documents, of = append(documents, graph.Submission{MediaType: p.media, Body: p.body, Key: p.key}), append(of, i)
	}
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{}) // the node has its own bound
	for i, o := range a.node.SubmitAll(r.Context(), documents) {
		outcomes[of[i]] = a.outcomeOf(w, o)
	}
	_ = rc.SetWriteDeadline(time.Now().Add(a.cfg.WriteTimeout))
	writeJSON(w, outcomesOf(outcomes))
}

func (a *API) outcomeOf(w http.ResponseWriter, o graph.Outcome) (c client.Outcome) {
	if o.Err != nil {
		c.Problem = &a.submitProblem(w, o.Err).Problem
		return c
	}
	accepted := acceptedOf(o.Results)
	c.Accepted = &accepted
	return c
}

// outcomesOf sums up.
func outcomesOf(outcomes []client.Outcome) client.Outcomes {
	sum := client.Outcomes{Outcomes: outcomes}
	for _, o := range outcomes {
		if o.Problem != nil {
			sum.Failed++
			continue
		}
		sum.Accepted++
		sum.Adds += o.Adds
		sum.Deletes += o.Deletes
	}
	return sum
}
