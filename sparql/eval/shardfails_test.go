package eval_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/sparql/fragment"
)

// failing are shards one of which fails behind some parts.
type failing struct {
	*eval.InProcess
	err error

	mu    sync.Mutex
	after int // requests that are answered
}

func (f *failing) Ask(ctx context.Context, shard int, request []byte, part func([]byte) error) error {
	f.mu.Lock()
	f.after--
	fails := f.after < 0
	f.mu.Unlock()
	if fails {
		return f.err
	}
	return f.InProcess.Ask(ctx, shard, request, part)
}

// TestShardFails: whichever request fails, the answer is an error, and never what the others say.
func TestShardFails(t *testing.T) {
	view := plant(t, 20).View()
	defer view.Close()
	down := errors.New("down")
	for _, text := range []string{
		"SELECT * { ?m :in ?h }", "SELECT ?n { ?s :unit :u1 ; :of ?m . ?m :name ?n }", "SELECT (COUNT(*) AS ?n) { ?m :in ?h }",
		"SELECT ?x { :m1 :next+ ?x }", "SELECT ?g { GRAPH ?g { } }", "SELECT ?m { ?m a :Machine FILTER NOT EXISTS { ?s :of ?m } }",
		"SELECT ?m { ?m a :Machine MINUS { ?s :of ?m } }", "SELECT ?m ?s { ?m a :Machine OPTIONAL { ?s :of ?m } }",
	} {
		q, err := sparql.ParseQuery(prefix + text)
		if err != nil {
			t.Fatal(err)
		}
		d, err := eval.Divide(q, eval.KeySubject, eval.Options{})
		if err != nil {
			t.Fatal(err)
		}
		shards := eval.Spread(t, view, eval.KeySubject, 4)
		for after := 0; ; after++ {
			one := &failing{InProcess: shards, err: down, after: after}
			err := d.Select(t.Context(), one, event, func([]rdf.Term) error { return nil })
			if one.after >= 0 {
				if err != nil || after < 4 {
					t.Errorf("%s: %v with %d requests", text, err, after)
				}
				break
			}
			if !errors.Is(err, down) {
				t.Errorf("%s: %v, although request %d has failed", text, err, after)
			}
		}
	}
}

// TestShardBudget: shards have bounds of their own, and so has who asks.
func TestShardBudget(t *testing.T) {
	view := ladder(t, 300).View()
	defer view.Close()
	const cross = "SELECT * { ?a :v ?b . ?c :v ?d . ?e :v ?f }"
	const local = "SELECT * { ?a :v ?b ; :v ?c ; ?d ?e } ORDER BY ?b ?e"
	for _, test := range []struct {
		name, query, bound string
		above, below       eval.Options
	}{
		{"steps above", cross, "Steps", eval.Options{Steps: 100_000}, eval.Options{}},
		{"memory above", local, "Memory", eval.Options{Memory: 4096}, eval.Options{}},
		{"steps below", "SELECT * { ?a ?p ?x ; ?q ?y ; ?r ?z ; ?o ?w }", "Steps", eval.Options{}, eval.Options{Steps: 2000}},
		{"memory below", "SELECT DISTINCT ?b ?e { ?a :v ?b ; ?d ?e }", "Memory", eval.Options{}, eval.Options{Memory: 1024}},
	} {
		shards := eval.Spread(t, view, eval.KeySubject, 4)
		shards.Bound(test.below)
		q, err := sparql.ParseQuery(prefix + test.query)
		if err != nil {
			t.Fatal(err)
		}
		d, err := eval.Divide(q, eval.KeySubject, test.above)
		if err != nil {
			t.Fatal(err)
		}
		err = d.Select(t.Context(), shards, event, func([]rdf.Term) error { return nil })
		var over *eval.BudgetError
		if !errors.As(err, &over) || over.Bound != test.bound {
			t.Errorf("%s: %v, expected %s", test.name, err, test.bound)
		}
	}
}

// stuck are shards that answer nothing until they are told to end.
type stuck struct {
	*eval.InProcess
	asked chan struct{}
}

func (s *stuck) Ask(ctx context.Context, _ int, _ []byte, _ func([]byte) error) error {
	select {
	case s.asked <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return ctx.Err()
}

// TestShardCancel: a query ends with its context, although no shard answers, and with the error of who takes its rows.
func TestShardCancel(t *testing.T) {
	view := plant(t, 20).View()
	defer view.Close()
	_, d := overShards(t, "SELECT * { ?m :in ?h . ?s :of ?m }", nil, eval.KeySubject, eval.Options{})
	shards := eval.Spread(t, view, eval.KeySubject, 40)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	one := &stuck{shards, make(chan struct{}, 1)}
	go func() {
		<-one.asked
		cancel()
	}()
	err := d.Select(ctx, one, event, func([]rdf.Term) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, expected that it was cancelled", err)
	}
	if err := d.Select(ctx, shards, event, func([]rdf.Term) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v behind the end", err)
	}
	enough := errors.New("enough")
	_, all := overShards(t, "SELECT * { ?s ?p ?o }", shards, eval.KeySubject, eval.Options{})
	for _, d := range []*eval.Division{d, all} {
		if err := d.Select(t.Context(), shards, event, func([]rdf.Term) error { return enough }); !errors.Is(err, enough) {
			t.Errorf("%v, expected %v", err, enough)
		}
	}
}

// TestAnswerRefuses: what is no request of this version is an error.
func TestAnswerRefuses(t *testing.T) {
	view := plant(t, 5).View()
	defer view.Close()
	a := eval.NewAnswerer(eval.Options{})
	for name, test := range map[string]struct {
		change func(*fragment.Request)
		want   error
	}{
		"no query":            {func(r *fragment.Request) { r.Query = "SELECT" }, nil},
		"no key":              {func(r *fragment.Request) { r.Key = "color" }, eval.ErrDivision},
		"another division":    {func(r *fragment.Request) { r.Fingerprint[3]++ }, eval.ErrDivision},
		"no such fragment":    {func(r *fragment.Request) { r.Fragment = 9 }, eval.ErrDivision},
		"no such variable":    {func(r *fragment.Request) { r.Bound = []int{77} }, eval.ErrDivision},
		"no bindings":         {func(r *fragment.Request) { r.Bound = []int{0} }, fragment.ErrEncoding},
		"bindings of nothing": {func(r *fragment.Request) { r.Bindings = []byte{1} }, fragment.ErrEncoding},
	} {
		var request []byte
		_, d := overShards(t, "SELECT * { ?m :in ?h }", nil, eval.KeySubject, eval.Options{})
		catch := &catching{InProcess: eval.Spread(t, view, eval.KeySubject, 1), request: &request}
		if err := d.Select(t.Context(), catch, event, func([]rdf.Term) error { return nil }); err != nil {
			t.Fatal(err)
		}
		r, err := fragment.Parse(request)
		if err != nil {
			t.Fatal(err)
		}
		test.change(r)
		err = a.Answer(t.Context(), view, r.Append(nil), func([]byte) error { return nil })
		if err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v, expected %v", name, err, test.want)
		}
	}
	if err := a.Answer(t.Context(), view, []byte(strings.Repeat("x", 100)), nil); !errors.Is(err, fragment.ErrEncoding) {
		t.Error(err)
	}
}

// catching keeps a request.
type catching struct {
	*eval.InProcess
	request *[]byte
}

func (c *catching) Ask(ctx context.Context, shard int, request []byte, part func([]byte) error) error {
	*c.request = request
	return c.InProcess.Ask(ctx, shard, request, part)
}
