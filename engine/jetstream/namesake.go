package jetstream

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"sync"
	"syscall"
	"time"
)

// ErrNameTaken says that another process that runs bears the name. Two servers of a cluster with one name would vote as one: what
// is committed could be lost.
var ErrNameTaken = errors.New("another process runs with this name")

// greetBound bounds the time in which a server must say who it is; they do so at once. Tests in which all answer wait longer.
var greetBound = 500 * time.Millisecond

// maxGreeting bounds what is read of it, in bytes.
const maxGreeting = 64 << 10

// greeting is what a server says first to who connects.
type greeting struct {
	Server  string `json:"server_name"`
	Cluster string `json:"cluster"`
}

// greet asks the servers at the routes who they are, before this one starts. One that has its name, or is of another
// cluster, is an error. What doesn't know the secret is logged: the cluster can form without it. Who doesn't answer has not been
// started yet.
func (cfg ServerConfig) greet(ctx context.Context, log *slog.Logger) error {
	if cfg.Cluster == "" {
		return nil
	}
	secret, err := cfg.secret()
	if err != nil {
		return err
	}
	ends, err := secret.tls()
	if err != nil {
		return err
	}
	wrong := make([]error, len(cfg.Routes))
	var all sync.WaitGroup
	for i, route := range cfg.Routes {
		u, err := url.Parse(route)
		if err != nil {
			continue // which options has reported
		}
		all.Go(func() {
			g, err := greetingAt(ctx, u.Host, ends)
			switch {
			case err != nil:
				log.Warn("what answers at a route is no server of a cluster that knows this one's secret", "route", u.Redacted(), "err", err)
			case g.Server == "":
			case g.Cluster != cfg.Cluster:
				wrong[i] = fmt.Errorf("route %s leads to server %q of cluster %q; this one is of cluster %q", u.Redacted(), g.Server,
					g.Cluster, cfg.Cluster)
			case g.Server == cfg.Name:
				wrong[i] = fmt.Errorf("%w: server %q of cluster %q answers at %s", ErrNameTaken, g.Server, g.Cluster, u.Host)
			}
		})
	}
	all.Wait()
	return cmp.Or(wrong...)
}

// greetingAt reads what a server says once both have shown that they know the secret. Nobody answers, or says nothing in time: it is
// empty.
func greetingAt(ctx context.Context, address string, ends *tls.Config) (g greeting, err error) {
	ctx, cancel := context.WithTimeout(ctx, greetBound)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return g, nil
	}
	defer func() { _ = c.Close() }() // nothing was written
	end, _ := ctx.Deadline()
	if err := c.SetDeadline(end); err != nil {
		return g, nil
	}
	secured := tls.Client(c, ends)
	switch err := secured.HandshakeContext(ctx); {
	case silent(err):
		return g, nil
	case err != nil:
		return g, err
	}
	line, err := bufio.NewReaderSize(secured, maxGreeting).ReadSlice('\n')
	switch {
	case len(line) == 0 && silent(err):
		return g, nil
	case len(line) == 0 && err != nil: // with TLS 1.3 who accepts refuses a certificate after the other's handshake
		return g, err
	}
	body, found := bytes.CutPrefix(line, []byte("INFO "))
	if !found {
		return g, fmt.Errorf("it says %.40q", line)
	}
	if err := json.Unmarshal(body, &g); err != nil {
		return g, fmt.Errorf("it says %.40q: %w", line, err)
	}
	return g, nil
}

// silent reports whether an error of a connection means that nothing came: one that is just ending, or stopped.
func silent(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, syscall.ECONNRESET)
}
