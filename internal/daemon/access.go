package daemon

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/config"
)

// guard is what the HTTP API lets in, and by which certificate it is known: what SIGHUP reads again.
type guard struct {
	http   *config.HTTP
	log    *slog.Logger
	access api.Access
	cert   *api.Certificate // nil: no TLS
}

// newGuard reads tokens and certificate.
func newGuard(http *config.HTTP, log *slog.Logger) (*guard, error) {
	g := &guard{http: http, log: log, access: api.Access{
		OpenMetrics: http.Metrics == "open", ClosedProbes: http.Probes == "token", Hosts: http.Hosts, Origins: http.Origins}}
	if http.Token != "" || http.Tokens != "" {
		list, err := g.tokens()
		if err != nil {
			return nil, err
		}
		g.access.Tokens = access.NewTokens(list...)
	}
	if http.TLSCert == "" {
		return g, nil
	}
	var err error
	g.cert, err = api.ReadCertificate(http.TLSCert, http.TLSKey)
	return g, err
}

// listen says where and how the HTTP API listens.
func (g *guard) listen() api.ListenConfig {
	return api.ListenConfig{Addr: g.http.Address, Certificate: g.cert, Protected: g.access.Tokens != nil}
}

// tokens are that of the configuration and those of the file.
func (g *guard) tokens() (list []access.Token, err error) {
	if g.http.Tokens != "" {
		if list, err = access.ReadFile(g.http.Tokens); err != nil {
			return nil, err
		}
	}
	if g.http.Token != "" {
		t, err := access.NewToken("the configuration", access.Admin, string(g.http.Token))
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// reload reads all again. What has a mistake stays as it was.
func (g *guard) reload() {
	if g.http.Tokens != "" {
		if list, err := g.tokens(); err != nil {
			g.log.Error("the tokens stay as they were", "err", err)
		} else {
			g.access.Tokens.Replace(list)
			g.log.Info("tokens were read again", "file", g.http.Tokens, "tokens", len(list))
		}
	}
	if g.cert != nil {
		if err := g.cert.Reload(); err != nil {
			g.log.Error("the certificate stays as it was", "err", err)
		} else {
			g.log.Info("the certificate was read again", "file", g.http.TLSCert)
		}
	}
}

// onHangup calls reload at each SIGHUP, which ends the process no more, until the returned function is called.
func onHangup(reload func()) (stop func()) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-asked:
				reload()
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		signal.Stop(asked)
		cancel()
		<-done
	}
}
