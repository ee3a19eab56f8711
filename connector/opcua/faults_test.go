package opcua_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gopcua/opcua/id"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/opcua"
)

// proxy stands between us and a server, and spoils what goes through.
type proxy struct {
	net.Listener
	to     string
	left   atomic.Int64 // bytes that the server may send through a connection before it is cut; 0: any number
	silent atomic.Bool  // nothing goes through
	tasks  sync.WaitGroup

	requests atomic.Int64                        // what a client has asked for that doesn't protect its messages
	asked    atomic.Pointer[func(kind uint16)]   // is told what it asks for, before the server is
	spoil    atomic.Pointer[func([]byte) []byte] // what becomes of what the server sends

	mu    sync.Mutex
	conns []net.Conn
}

// newProxy makes one, and the connection of a configuration that leads through it.
func newProxy(t *testing.T, s *server, c *opcua.Connection) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, to: s.Address(0)}
	c.URL = "opc.tcp://" + l.Addr().String() + s.path
	p.tasks.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.tasks.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.cut()
		p.tasks.Wait()
	})
	return p
}

func (p *proxy) serve(from net.Conn) {
	to, err := net.Dial("tcp", p.to)
	if err != nil {
		from.Close()
		return
	}
	p.mu.Lock()
	p.conns = append(p.conns, from, to)
	p.mu.Unlock()
	var there sync.WaitGroup
	defer there.Wait()
	defer to.Close()
	defer from.Close()
	there.Go(func() {
		defer from.Close()
		p.copy(to, from, 0, &requests{of: p})
	})
	p.copy(from, &spoiling{Conn: to, by: &p.spoil}, p.left.Load(), io.Discard)
}

// spoiling is the server's end of a connection, with what becomes of what it sends.
type spoiling struct {
	net.Conn
	by *atomic.Pointer[func([]byte) []byte]
}

func (s *spoiling) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	if spoil := s.by.Load(); spoil != nil {
		n = copy(b, (*spoil)(b[:n]))
	}
	return n, err
}

// copy copies, and shows what comes, until either end is closed, or so many bytes were.
func (p *proxy) copy(to, from net.Conn, most int64, shown io.Writer) {
	b := make([]byte, 1000)
	for n := int64(0); most == 0 || n < most; {
		some, err := from.Read(b[:min(int64(len(b)), max(1, cmpOr(most-n, 1000)))])
		if err != nil {
			return
		}
		n += int64(some)
		_, _ = shown.Write(b[:some])
		if p.silent.Load() {
			continue
		}
		if _, err := to.Write(b[:some]); err != nil {
			return
		}
	}
}

// requests counts what a client asks for, but for the requests to publish, which are sent again whenever the server has published.
type requests struct {
	of    *proxy
	begun []byte // of a chunk
	rest  int    // of a chunk, in bytes
}

// Where a chunk says how long it is, and what it asks for, as a node of namespace 0 with a number of two bytes, if its message has only
// one chunk.
const (
	chunkSize = 4
	chunkAsks = 24
	chunkHead = 28
)

// Write takes in what the client sends.
func (r *requests) Write(b []byte) (int, error) {
	for all := len(b); ; {
		skipped := min(r.rest, len(b))
		r.rest, b = r.rest-skipped, b[skipped:]
		if len(b) == 0 {
			return all, nil
		}
		taken := min(chunkHead-len(r.begun), len(b))
		if r.begun, b = append(r.begun, b[:taken]...), b[taken:]; len(r.begun) < chunkHead {
			continue
		}
		r.rest = int(binary.LittleEndian.Uint32(r.begun[chunkSize:])) - chunkHead
		if kind := binary.LittleEndian.Uint16(r.begun[chunkAsks+2:]); bytes.HasPrefix(r.begun, []byte("MSG")) {
			r.of.count(kind)
		}
		r.begun = r.begun[:0]
	}
}

// count takes in that a client asks for something.
func (p *proxy) count(kind uint16) {
	if kind != id.PublishRequest_Encoding_DefaultBinary {
		p.requests.Add(1)
	}
	if told := p.asked.Load(); told != nil {
		(*told)(kind)
	}
}

func cmpOr(left, otherwise int64) int64 {
	if left <= 0 {
		return otherwise
	}
	return left
}

// cut ends all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// lost looks at what a reader says when its session is of no use any more: that nothing is known of each variable, since then.
func lost(t *testing.T, r *reading, names ...string) {
	t.Helper()
	list, why := r.fails()
	t.Logf("it says: %v", why)
	last := map[string]document{}
	for _, d := range list {
		last[d.Name] = d
	}
	for _, name := range names {
		d := last[name]
		if d.Status != "BadNoCommunication" || string(d.Value) != "null" || d.Gap == nil || d.Gap.From == nil || d.Gap.To != nil {
			t.Errorf("at last %s is %+v", name, d)
		}
	}
	r.close()
}

// found looks at what the next reader says: the values, and of which time nothing is known.
func found(t *testing.T, from connector.Source, names ...string) {
	t.Helper()
	r := open(t, from)
	defer r.close()
	missing := map[string]bool{}
	for _, name := range names {
		missing[name] = true
	}
	r.until("all values", func(d document) bool {
		if d.Gap == nil {
			return false
		}
		if d.Gap.From == nil || d.Gap.To == nil || d.Gap.To.Before(*d.Gap.From) || d.Status == "BadNoCommunication" {
			t.Errorf("at first: %+v, gap %+v", d, d.Gap)
		}
		delete(missing, d.Name)
		return len(missing) == 0
	})
}

// testSilent: a server that says nothing more, with its connection open, is noticed, and so is that it is back.
func testSilent(t *testing.T, s *server) {
	cfg := s.fast(t)
	cfg.Nodes = []string{s.node("count"), s.node("set")}
	p := newProxy(t, s, &cfg.Connection)
	from := source(t, cfg)
	r := open(t, from)
	r.until("a value", func(d document) bool { return d.number() > 3 })
	p.silent.Store(true)
	opcua.Watch(t.Context(), r.Reader, 2*time.Second)
	lost(t, r, "count", "set")
	p.silent.Store(false)
	found(t, from, "count", "set")
}

// testKilled: a server that dies is noticed, and when it is back the values come.
func testKilled(t *testing.T, s *server) {
	cfg := s.fast(t)
	cfg.Nodes = []string{s.node("count"), s.node("set")}
	from := source(t, cfg)
	r := open(t, from)
	r.until("a value", func(d document) bool { return d.number() > 3 })
	s.Kill()
	lost(t, r, "count", "set")
	if r, err := from.Open(conntest.Within(t), &conntest.Progress{}); err == nil {
		t.Error("a server that is dead is there")
		_ = r.Close()
	}
	s.Restart(t)
	found(t, from, "count", "set")
}

// testTorn: through connections that are cut in the middle of messages, whatever of the opening that is, values come in order.
func testTorn(t *testing.T, s *server) {
	if s.name == "node" {
		return // it takes long to notice that a client is gone, and nothing else differs
	}
	cfg := s.fast(t)
	cfg.Nodes = []string{s.node("count")}
	p := newProxy(t, s, &cfg.Connection)
	from := source(t, cfg)
	last, failures, readers := -1.0, 0, 0
	for left := int64(10); last < 0 || readers < 3; left += left / 3 {
		p.left.Store(left)
		r, err := from.Open(conntest.Within(t), &conntest.Progress{})
		if err != nil {
			failures++
			continue
		}
		rd := &reading{TB: t, Reader: r}
		list, _ := rd.fails()
		for _, d := range list {
			if n := d.number(); d.Status == "Good" {
				if n < last {
					t.Fatalf("%v after %v", n, last)
				}
				last = n
			}
		}
		readers++
		rd.close()
	}
	if failures == 0 {
		t.Error("no opening was torn")
	}
}

// testHostile: a server that sends lengths that can't be ends its session, and not the process.
func testHostile(t *testing.T, s *server) {
	const honest = "\x86\x03\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00" // three numbers, the first two are 1 and 2
	for name, length := range map[string]string{"negative": "\xfe\xff\xff\xff", "huge": "\xff\xff\xff\x7f"} {
		cfg := s.fast(t)
		p := newProxy(t, s, &cfg.Connection)
		cfg.Nodes = []string{s.node("Array")}
		var spoilt atomic.Bool
		spoil := func(b []byte) []byte {
			is := bytes.Replace(b, []byte(honest), []byte("\x86"+length+"\x01\x00\x00\x00\x02\x00\x00\x00"), 1)
			if !bytes.Equal(is, b) {
				spoilt.Store(true)
			}
			return is
		}
		p.spoil.Store(&spoil)
		r, err := source(t, cfg).Open(conntest.Within(t), &conntest.Progress{})
		if err == nil {
			rd := &reading{TB: t, Reader: r}
			_, err = rd.fails()
			rd.close()
		}
		if !spoilt.Load() || err == nil || !strings.Contains(err.Error(), "the server's message can't be read") {
			t.Errorf("%s: spoilt %v, %v", name, spoilt.Load(), err)
		}
		p.spoil.Store(nil)
		r, err = source(t, cfg).Open(conntest.Within(t), &conntest.Progress{})
		if err != nil {
			t.Fatal(err)
		}
		rd := &reading{TB: t, Reader: r}
		if d := rd.until("the values", func(document) bool { return true }); string(d.Value) != "[1,2,3]" {
			t.Errorf("then they are %s", d.Value)
		}
		rd.close()
	}
}
