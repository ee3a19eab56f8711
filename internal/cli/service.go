package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/connector/endpoint"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/sparql/results"
)

// serviceFlag says whom SERVICE and LOAD may ask.
type serviceFlag struct {
	AllowHost []string `sep:"none" env:"-" placeholder:"HOST" help:"Let SERVICE ask the endpoints of a host, HOST or HOST:PORT, and LOAD, in an update, read its documents; again for more. Without it nothing is asked."`
}

// services evaluates SERVICE over HTTP (SPARQL 1.1 Protocol). An endpoint is asked the same thing once, and its answer kept: to one query
// it is one dataset. It is used by one goroutine.
type services struct {
	hosts   *serviceFlag
	room    int64 // for the answers
	answers map[request]*answered
}

var _ eval.Service = (*services)(nil)

// request is what an endpoint is asked.
type request struct {
	endpoint string
	query    *sparql.Query
}

// answered are the solutions that it has, with a term for each variable, or why it has none.
type answered struct {
	rows [][]rdf.Term
	err  error
}

// service returns what evaluates SERVICE, with room for so many bytes of answers.
func (f *serviceFlag) service(room int64) *services {
	return &services{hosts: f, room: room, answers: map[request]*answered{}}
}

// Select implements [eval.Service].
func (s *services) Select(ctx context.Context, name rdf.Term, q *sparql.Query, vars []sparql.Var, row func([]rdf.Term) error) error {
	asked := request{name.Value(), q}
	known := s.answers[asked]
	if known == nil {
		known = &answered{}
		known.rows, known.err = s.ask(ctx, asked, vars)
		s.answers[asked] = known
	}
	if known.err != nil {
		return known.err
	}
	for _, terms := range known.rows {
		if err := row(terms); err != nil {
			return err
		}
	}
	return nil
}

// allows is an error unless an address is of a host that may be asked.
func (f *serviceFlag) allows(u *url.URL) error {
	if !slices.ContainsFunc(f.AllowHost, func(h string) bool { return strings.EqualFold(h, u.Host) || strings.EqualFold(h, u.Hostname()) }) {
		return fmt.Errorf("nothing is asked without leave; --allow-host %s gives it", u.Host)
	}
	return nil
}

// ask sends the query, and reads the answer.
func (s *services) ask(ctx context.Context, asked request, vars []sparql.Var) (rows [][]rdf.Term, err error) {
	address, err := url.Parse(asked.endpoint)
	if err == nil {
		err = s.hosts.allows(address)
	}
	if err != nil {
		return nil, err
	}
	cfg := endpoint.Config{URL: asked.endpoint}
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	client := cfg.Connect()
	defer client.Close()
	form := url.Values{"query": {asked.query.String()}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, cfg.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", results.JSON.MediaType()+", "+results.XML.MediaType()+";q=0.9")
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return s.read(answer, vars)
}

// read reads the solutions. Their blank nodes are other ones than those of the data, and of other answers.
func (s *services) read(answer *http.Response, vars []sparql.Var) (rows [][]rdf.Term, err error) {
	mediaType, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	format, ok := results.ByMediaType(mediaType)
	if err != nil || !ok || format != results.JSON && format != results.XML {
		return nil, fmt.Errorf("expected results as JSON or XML, found %q", answer.Header.Get("Content-Type"))
	}
	in, err := results.NewReader(answer.Body, format, results.File("answer"))
	if err != nil {
		return nil, err
	}
	if _, boolean := in.Boolean(); boolean {
		return nil, errors.New("expected solutions, found true or false")
	}
	places := make([]int, len(vars))
	for i, v := range vars {
		places[i] = slices.Index(in.Vars(), v)
	}
	prefix := fmt.Sprintf("service%d-", len(s.answers)+1)
	blanks := patch.BlankPolicy(func(b rdf.Term) (rdf.Term, error) { return rdf.Blank(prefix + b.Value()) })
	for {
		terms, err := in.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		row, err := s.row(terms, places, blanks)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
}

// rowBytes and termBytes are what a row that is kept takes besides its text.
const rowBytes, termBytes = 24, 16

// row is a solution with its terms in their places.
func (s *services) row(terms []rdf.Term, places []int, blanks patch.BlankPolicy) ([]rdf.Term, error) {
	row := make([]rdf.Term, len(places))
	s.room -= rowBytes
	for i, at := range places {
		if at < 0 {
			continue
		}
		named, err := blanks.Name(rdf.Quad{O: terms[at]})
		if err != nil {
			return nil, err
		}
		row[i] = named.O
		s.room -= int64(termBytes + len(named.O.String()))
	}
	if s.room < 0 {
		return nil, fmt.Errorf("%w: the answers of services need more; --max-memory SIZE raises the bound", eval.ErrBudget)
	}
	return row, nil
}
