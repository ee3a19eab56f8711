// Package kafka is a [connector.Source] that reads topics of Apache Kafka, and a [connector.Sink] that writes deltas to one.
//
// The source is a member of a consumer group, by the new protocol (KIP-848) where the brokers have it, else by the classic one
// with cooperative rebalances. A stream is a partition of one topic as it was made (TOPIC/PARTITION/ID, where ID is what Kafka
// gave the topic), an offset is Kafka's. Where a stream is read from is what the pipeline has committed of it; the group's
// offsets only tell tools how far that is. So no crash, no rebalance and no reset of the group's offsets has a second effect.
//
// The sink writes one record per delta, or per subject the state of it, exactly once: each shard has a transactional producer of its
// own, which fences who wrote the shard before, and the shard's position is a record in the same transaction.
package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/internal/tlserror"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/loopback"
)

// Connection says how brokers are reached.
type Connection struct {
	// Brokers are some of the cluster's, as HOST:PORT. Required.
	Brokers []string
	// TLS, if not nil, encrypts; the name of a broker is checked by its certificate.
	TLS *tls.Config
	// Mechanism is PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER; empty: none. PLAIN and OAUTHBEARER send what is secret
	// as it is, so they need TLS, but on loopback.
	Mechanism string
	// User and Password are those of PLAIN and SCRAM.
	User, Password string
	// Token is that of OAUTHBEARER.
	Token string

	dial func(ctx context.Context, network, address string) (net.Conn, error) // of tests, which spoil connections
}

// check finds what can't be.
func (c *Connection) check() error {
	if len(c.Brokers) == 0 {
		return errors.New("kafka: no broker is named")
	}
	for _, broker := range c.Brokers {
		if host, port, err := net.SplitHostPort(broker); err != nil || host == "" || port == "" {
			return fmt.Errorf("kafka: broker %q: expected HOST:PORT", broker)
		}
	}
	_, err := c.sasl()
	return err
}

// sasl returns the mechanism; nil if there is none.
func (c *Connection) sasl() (sasl.Mechanism, error) {
	password := c.Mechanism == "PLAIN" || strings.HasPrefix(c.Mechanism, "SCRAM-")
	if password && (c.User == "" || c.Password == "") {
		return nil, fmt.Errorf("kafka: %s needs a user and a password", c.Mechanism)
	} else if !password && (c.User != "" || c.Password != "") {
		return nil, errors.New("kafka: a user and a password need a mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
	}
	if (c.Mechanism == "OAUTHBEARER") != (c.Token != "") {
		return nil, errors.New("kafka: OAUTHBEARER and a token belong together")
	}
	if c.shows() && slices.ContainsFunc(c.Brokers, isElsewhere) {
		return nil, c.needsTLS()
	}
	switch c.Mechanism {
	case "":
		return nil, nil
	case "PLAIN":
		return plain.Auth{User: c.User, Pass: c.Password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: c.User, Pass: c.Password}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: c.User, Pass: c.Password}.AsSha512Mechanism(), nil
	case "OAUTHBEARER":
		return oauth.Auth{Token: c.Token}.AsMechanism(), nil
	}
	return nil, fmt.Errorf("kafka: mechanism %q: expected PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER", c.Mechanism)
}

// shows reports whether the secret is sent as it is.
func (c *Connection) shows() bool {
	return c.TLS == nil && (c.Mechanism == "PLAIN" || c.Mechanism == "OAUTHBEARER")
}

func (c *Connection) needsTLS() error {
	return fmt.Errorf("kafka: %s sends its secret as it is: it needs TLS, or brokers on loopback", c.Mechanism)
}

// isElsewhere reports whether an address is not on loopback.
func isElsewhere(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	return !loopback.Is(host)
}

// dialLoopback connects to brokers on loopback alone: those that others have named need not be where the configured ones are.
func (c *Connection) dialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	if isElsewhere(address) {
		return nil, connector.GiveUpf("broker %s: %w", address, c.needsTLS())
	}
	if c.dial != nil {
		return c.dial(ctx, network, address)
	}
	return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, address)
}

// fetchWait is how long brokers wait for messages before they say that there are none. They don't always notice that a
// transaction has ended meanwhile.
const fetchWait = 500 * time.Millisecond

// The times within which a broker must do something, and after which what can't be done is an error.
const (
	dialTimeout  = 5 * time.Second
	retryTimeout = 15 * time.Second
)

// A topic that was just made is not known to all brokers at once, not even to the one that says that it is there already: on a machine
// with much to do it took up to a second. So that a topic is unknown is only believed when that stays so for a while.
const (
	unknownTries = 9
	askAgain     = time.Second / 4 // for so long a client keeps the answer
)

// known asks again while a topic is unknown.
func known(ctx context.Context, ask func() error) (err error) {
	for try := range unknownTries {
		if try > 0 && clock.Sleep(ctx, askAgain) != nil {
			return err
		}
		if err = ask(); !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return err
		}
	}
	return err
}

// client makes a client with options besides those of the connection.
func (c *Connection) client(opts ...kgo.Opt) (*kgo.Client, error) {
	all := append([]kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.ClientID("quadrille"), kgo.DisableClientMetrics(),
		kgo.DialTimeout(dialTimeout), kgo.RetryTimeout(retryTimeout), kgo.MetadataMinAge(askAgain),
		kgo.FetchMaxWait(fetchWait)}, opts...)
	if c.shows() {
		all = append(all, kgo.Dialer(c.dialLoopback))
	} else if c.dial != nil {
		all = append(all, kgo.Dialer(c.dial))
	}
	if c.TLS != nil {
		all = append(all, kgo.DialTLSConfig(c.TLS))
	}
	mechanism, err := c.sasl()
	if err != nil {
		return nil, err
	}
	if mechanism != nil {
		all = append(all, kgo.SASL(mechanism))
	}
	return kgo.NewClient(all...)
}

// refusals are the errors of brokers that no trying again mends.
var refusals = []error{
	kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState, kerr.TopicAuthorizationFailed,
	kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed,
	kerr.UnknownTopicOrPartition, kerr.InvalidTopicException, kerr.InvalidGroupID, kerr.GroupMaxSizeReached,
	kerr.InconsistentGroupProtocol, kerr.UnsupportedVersion,
}

// adviceOf is what is to be done about a refusal.
func adviceOf(err error) string {
	is := func(list ...error) bool {
		return slices.ContainsFunc(list, func(one error) bool { return errors.Is(err, one) })
	}
	_, loss := errors.AsType[*kgo.ErrDataLoss](err)
	switch {
	case tlserror.IsRefusal(err):
		return tlserror.Advice
	case loss:
		return "the brokers have lost it; a source of another name begins anew"
	case is(kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState):
		return "put sasl-mechanism, sasl-user and sasl-password right"
	case is(kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
		kerr.TransactionalIDAuthorizationFailed):
		return "give the user the right at the brokers"
	case is(kerr.UnknownTopicOrPartition, kerr.InvalidTopicException):
		return "make the topic there, or put its name right"
	case is(kerr.InvalidGroupID, kerr.GroupMaxSizeReached, kerr.InconsistentGroupProtocol):
		return "take a group of the source's own (group)"
	}
	return "settings and brokers must be made to fit"
}

// meaning is an error in the words of the contract.
func meaning(err error) error {
	if err == nil || errors.Is(err, connector.ErrGiveUp) {
		return err
	}
	_, loss := errors.AsType[*kgo.ErrDataLoss](err)
	_, large := errors.AsType[*kgo.ErrDecompressTooLarge](err)
	refused := slices.ContainsFunc(refusals, func(refusal error) bool { return errors.Is(err, refusal) })
	if refused || loss || large || tlserror.IsRefusal(err) {
		return connector.GiveUpf("%w; %s", err, adviceOf(err))
	}
	return err
}

// ended is the error of ctx if that has ended, else the other one in the words of the contract.
func ended(ctx context.Context, err error) error { return cmp.Or(ctx.Err(), meaning(err)) }
