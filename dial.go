package quadrille

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
)

// maxCredentials bounds a file of credentials in bytes.
const maxCredentials = 64 << 10

// connection makes a connection to an engine. The options are applied last but for those of the login.
type connection func(...nats.Option) (*nats.Conn, error)

// dial returns what connects to an engine outside of this process, for its logs and for events. It gives up when ctx ends, and
// from then on takes up again the connections that it has made, until disconnect.
func (r *Runtime) dial(ctx context.Context) (own, events connection) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	r.undial = end
	c := &r.cfg
	as := func(login jetstream.Login, creds string) connection {
		return func(opts ...nats.Option) (*nats.Conn, error) {
			release := context.AfterFunc(ctx, end)
			defer release()
			shown, err := c.login(login, creds)
			if err != nil {
				return nil, err
			}
			nc, err := nats.Connect(c.NATS, append(append(opts, nats.SetCustomDialer(dialer{life})), shown...)...)
			if err != nil {
				return nil, fmt.Errorf("connect to the engine at %s: %w", jetstream.RedactURLs(c.NATS), errors.Join(c.refused(err), ctx.Err()))
			}
			return nc, nil
		}
	}
	return as(jetstream.Logs, c.NATSCreds), as(jetstream.Events, cmp.Or(c.NATSEventsCreds, c.NATSCreds))
}

// login is how the node shows to an engine outside of this process who it is.
func (c *Config) login(as jetstream.Login, creds string) (opts []nats.Option, err error) {
	switch {
	case c.Secret != "":
		return []nats.Option{c.Secret.Login(as)}, nil
	case creds != "":
		option, err := credentials(creds)
		if err != nil {
			return nil, err
		}
		opts = append(opts, option)
	case c.NATSUser != "":
		opts = append(opts, nats.UserInfo(c.NATSUser, c.NATSPassword))
	}
	if c.NATSCA != "" {
		opts = append(opts, nats.RootCAs(c.NATSCA))
	}
	return opts, nil
}

// refused says what is likely wrong when an engine that answers takes no connection.
func (c *Config) refused(err error) error {
	switch {
	case errors.Is(err, nats.ErrNoServers):
		return err
	case c.Secret != "":
		return fmt.Errorf("%w; if it refuses this node, its secret is another (engine.secret, QUADRILLE_SECRET)", err)
	}
	return fmt.Errorf("%w; embedded engines of other nodes need their secret (engine.secret, QUADRILLE_SECRET), servers that others run "+
		"credentials", err)
}

// credentials logs in with a credentials file, or with one that holds the seed of an nkey and nothing else.
func credentials(path string) (nats.Option, error) {
	text, err := readAtMost(path, maxCredentials)
	if err != nil {
		return nil, fmt.Errorf("credentials for the engine: %w", err)
	}
	if bytes.Contains(text, []byte("BEGIN NATS USER JWT")) {
		return nats.UserCredentials(path), nil
	}
	option, err := nats.NkeyOptionFromSeed(path)
	if err != nil {
		return nil, fmt.Errorf("credentials for the engine: %s: expected a credentials file or the seed of an nkey: %w", path, err)
	}
	return option, nil
}

func readAtMost(path string, bytes int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, bytes))
}

// dialer dials until its context ends.
type dialer struct{ life context.Context }

// Dial implements [nats.CustomDialer].
func (d dialer) Dial(network, address string) (net.Conn, error) {
	return (&net.Dialer{Timeout: nats.DefaultTimeout}).DialContext(d.life, network, address)
}
