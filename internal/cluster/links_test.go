package cluster

import (
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// linkWait is how long a test waits for what must not come, and linkBound for what must.
const (
	linkWait  = 200 * time.Millisecond
	linkBound = time.Minute
)

// linked returns both ends of a connection from server 0 to server 1 through the links.
func linked(t *testing.T) (l *links, from, to net.Conn) {
	t.Helper()
	if runtime.GOOS == "darwin" {
		t.Skip("this system has no address of 127.0.0.0/8 but 127.0.0.1")
	}
	servers := make([]net.Listener, 2)
	ports := make([]int, 2)
	for i := range servers {
		var err error
		if servers[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = servers[i].Close() })
		ports[i] = servers[i].Addr().(*net.TCPAddr).Port
	}
	l, err := newLinks(ports)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	if from, err = net.Dial("tcp", strings.TrimPrefix(l.routes(0), "nats://")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = from.Close() })
	if to, err = servers[1].Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = to.Close() })
	return l, from, to
}

// says sends a word and returns what has arrived of it at the other end within the bound.
func says(t *testing.T, from, to net.Conn, word string, bound time.Duration) string {
	t.Helper()
	if _, err := io.WriteString(from, word); err != nil {
		t.Fatal(err)
	}
	return hears(to, len(word), bound)
}

func hears(c net.Conn, n int, bound time.Duration) string {
	_ = c.SetReadDeadline(time.Now().Add(bound))
	text := make([]byte, n)
	n, _ = io.ReadFull(c, text)
	return string(text[:n])
}

// TestCut: one direction is held back and the other isn't, and what was held back arrives when the link is healed.
func TestCut(t *testing.T) {
	l, from, to := linked(t)
	if got := says(t, from, to, "one", linkBound); got != "one" {
		t.Fatalf("got %q", got)
	}
	l.set(func(cut map[link]bool) { cut[link{0, 1}] = true })
	if got := says(t, from, to, "two", linkWait); got != "" {
		t.Errorf("%q passed a link that is cut", got)
	}
	if got := says(t, to, from, "three", linkBound); got != "three" {
		t.Errorf("got %q the other way", got)
	}
	l.set(func(cut map[link]bool) { clear(cut) })
	if got := hears(to, 3, linkBound); got != "two" {
		t.Errorf("got %q after the link was healed", got)
	}
}

// TestLinkEnds: when one end closes, the other is told.
func TestLinkEnds(t *testing.T) {
	_, from, to := linked(t)
	_ = from.Close()
	_ = to.SetReadDeadline(time.Now().Add(linkBound))
	if _, err := to.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v", err)
	}
}

// TestLinksClose: they end while a direction is cut and data are held back.
func TestLinksClose(t *testing.T) {
	l, from, to := linked(t)
	l.set(func(cut map[link]bool) { cut[link{0, 1}] = true })
	says(t, from, to, "held", linkWait)
}
