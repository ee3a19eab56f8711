package endpoint

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
)

func TestMain(m *testing.M) { conntest.Main(m) }

func TestCheck(t *testing.T) {
	for want, c := range map[string]Config{
		"address \"\"":           {},
		"address \"ftp://a\"":    {URL: "ftp://a"},
		"address \"http://u@a\"": {URL: "http://u@a"},
		"address \"http://a#f\"": {URL: "http://a#f"},
		"sent in clear":          {URL: "http://a", Token: "t"},
		"be sent in clear":       {URL: "http://10.0.0.1", User: "u"},
		"not both":               {URL: "https://a", Token: "t", User: "u"},
		"without a user":         {URL: "https://a", Password: "p"},
		"timeout -1s":            {URL: "https://a", Timeout: -time.Second},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
	for _, c := range []Config{{URL: "http://a"}, {URL: "http://localhost", Token: "t"}, {URL: "http://[::1]:1", User: "u"}, {URL: "https://a", Token: "t"}} {
		if err := c.Check(); err != nil || c.Timeout != time.Minute {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestRefused: what says that nothing was done, and nothing will be, needs somebody; what says nothing of it is asked again.
func TestRefused(t *testing.T) {
	for status, want := range map[int]bool{302: true, 400: true, 401: true, 403: true, 404: true, 405: true, 410: true, 413: true, 415: true,
		408: false, 425: false, 429: false, 500: false, 502: false, 503: false, 504: false} {
		e := &StatusError{URL: "u", Status: status}
		if e.refused() != want || errors.Is(meaning(e), connector.ErrGiveUp) != want {
			t.Errorf("%v: refused %v", e, e.refused())
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "1.5": 0, "99999": time.Hour,
		"99999999999999999999": 0, now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q is %v, want %v", value, got, want)
		}
	}
}

// do asks a server, and returns its answer's body.
func do(t *testing.T, c Config, method string) (string, error) {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	client := c.Connect()
	defer client.Close()
	r, err := http.NewRequestWithContext(t.Context(), method, c.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

// only allows one host.
func only(address string) func(*url.URL) error {
	return func(u *url.URL) error {
		if "http://"+u.Host != address {
			return errors.New("not there")
		}
		return nil
	}
}

// TestRedirects: they are followed, but not without end, and not to where a secret must not go.
func TestRedirects(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "other"+r.Header.Get("Authorization"))
	}))
	defer other.Close()
	handler := http.NewServeMux()
	handler.HandleFunc("/here", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "here "+r.Header.Get("Authorization"))
	})
	handler.Handle("/near", http.RedirectHandler("/here", http.StatusFound))
	handler.Handle("/far", http.RedirectHandler(other.URL, http.StatusFound))
	handler.Handle("/round", http.RedirectHandler("/round", http.StatusFound))
	clear, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer clear.Close()
	defer secure.Close()
	roots := secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs //nolint:forcetypeassert // the test server's
	for _, test := range []struct {
		c             Config
		method        string
		want, refused string
	}{
		{Config{URL: clear.URL + "/near", Token: "t"}, "GET", "here Bearer t", ""},
		{Config{URL: clear.URL + "/near", User: "u", Password: "p"}, "GET", "here Basic dTpw", ""},
		{Config{URL: clear.URL + "/far"}, "GET", "other", ""},
		{Config{URL: clear.URL + "/far", Allow: only(other.URL)}, "GET", "other", ""},
		{Config{URL: clear.URL + "/far", Allow: only(clear.URL)}, "GET", "", "a redirect leads to " + other.URL + ": not there"},
		{Config{URL: clear.URL + "/far", Token: "t"}, "GET", "", "another host"},
		{Config{URL: clear.URL + "/round"}, "GET", "", "more than 5 redirects"},
		{Config{URL: clear.URL + "/near"}, "POST", "", "302"},
		{Config{URL: secure.URL + "/near", Roots: roots}, "GET", "here ", ""},
		{Config{URL: secure.URL + "/far", Roots: roots}, "GET", "", "from https to http"},
	} {
		got, err := do(t, test.c, test.method)
		if test.refused == "" && (err != nil || got != test.want) {
			t.Errorf("%s: %q, %v", test.c.URL, got, err)
		}
		if test.refused != "" && (!errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), test.refused)) {
			t.Errorf("%s: %q, %v; want %q", test.c.URL, got, err, test.refused)
		}
	}
	if _, err := do(t, Config{URL: secure.URL + "/here"}, "GET"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
}

// TestCertificate: a server that asks who we are is told.
func TestCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Subject.Organization[0])
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	defer server.Close()
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs //nolint:forcetypeassert // the test server's
	if _, err := do(t, Config{URL: server.URL, Roots: roots}, "GET"); err == nil {
		t.Error("it comes in without a certificate")
	}
	got, err := do(t, Config{URL: server.URL, Roots: roots, Certificate: &server.TLS.Certificates[0]}, "GET")
	if err != nil || got != "Acme Co" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestStatusError: what an answer says that is no success, and how long it wants to be let alone.
func TestStatusError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3")
		http.Error(w, "not now "+strings.Repeat("x", 1000), http.StatusServiceUnavailable)
	}))
	defer server.Close()
	_, err := do(t, Config{URL: server.URL}, "GET")
	e, ok := errors.AsType[*StatusError](err)
	if !ok || errors.Is(err, connector.ErrGiveUp) || e.Status != 503 || len(e.Text) != 500 || e.RetryAfter != 3*time.Second {
		t.Errorf("%v", err)
	}
	for text, want := range map[string]string{"": "u answers 503 Service Unavailable", "<p>\n  busy\n</p>\n": "u answers 503 Service Unavailable: <p> busy </p>"} {
		answer := &http.Response{StatusCode: 503, Body: io.NopCloser(strings.NewReader(text))}
		if got := newStatusError(&http.Request{URL: &url.URL{Path: "u"}}, answer).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var p Pause
		if p.Note(io.EOF); p.Left() != 0 {
			t.Error("what is no answer says when to ask again")
		}
		if p.Note(err); p.Left() != 3*time.Second {
			t.Errorf("%v are left", p.Left())
		}
	})
}

// TestPause: it is waited for, and no longer than the longest.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pause
		begin := time.Now()
		p.For(24 * time.Hour)
		if err := p.Wait(t.Context()); err != nil || time.Since(begin) != maxPause {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		p.For(time.Hour)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.Wait(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

// pieces is a body of which a piece comes now and then.
type pieces struct {
	pause time.Duration
	left  int
	ended chan struct{}
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.left--; p.left < 0 {
		<-p.ended
		return 0, errors.New("closed")
	}
	time.Sleep(p.pause)
	return copy(b, "x"), nil
}

func (p *pieces) Close() error { return nil }

// transport answers with a body.
type transport struct{ body *pieces }

func (tr transport) RoundTrip(r *http.Request) (*http.Response, error) {
	go func() {
		<-r.Context().Done()
		close(tr.body.ended)
	}()
	return &http.Response{StatusCode: http.StatusOK, Body: tr.body, Request: r}, nil
}

// TestSilence: an answer may take long, but must go on.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{URL: "http://a", Timeout: time.Second}
		client := &Client{cfg: c, http: &http.Client{Transport: transport{&pieces{pause: 900 * time.Millisecond, left: 5, ended: make(chan struct{})}}}}
		answer, err := client.Do(&http.Request{Method: "GET", URL: &url.URL{Scheme: "http", Host: "a"}, Header: http.Header{}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // who reads may be held up
		begin := time.Now()
		got, err := io.ReadAll(answer.Body)
		if string(got) != "xxxxx" || err == nil || !strings.Contains(err.Error(), "nothing has come for 1s") {
			t.Errorf("%q, %v", got, err)
		}
		if took := time.Since(begin); took != 5500*time.Millisecond { // five pieces, and the silence
			t.Errorf("after %v", took)
		}
		if err := answer.Body.Close(); err != nil {
			t.Error(err)
		}
	})
}
