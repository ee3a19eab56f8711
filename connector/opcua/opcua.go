// Package opcua is a [connector.Source] that subscribes to variables of an OPC UA server, or reads how its nodes are made, and a
// [connector.Sink] that writes values of deltas to its variables.
//
// The source's messages are documents of JSON, one for each value with its status and times, which a mapping makes changes of.
// They have no identity: OPC UA numbers what a subscription sends, and a later subscription begins anew. What is sent is the
// state of a variable, so a mapping that replaces makes what comes twice harmless, and what is missing is told: the first
// value of each variable says since when nothing was known of it.
//
// A session is never mended: whatever is wrong with it - an error, a number that is missing, silence - ends it, and the pipeline
// opens the next one, whose subscription begins with the values of all variables.
package opcua

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/internal/loopback"
)

// Connection says how a server is reached.
type Connection struct {
	// URL is the server's address, opc.tcp://HOST:PORT/PATH. Required.
	URL string
	// Policy is the security policy: Basic256Sha256, Aes128_Sha256_RsaOaep, Aes256_Sha256_RsaPss or None. Empty: the best of
	// them that the server has, and None only where the server has no other and is on loopback.
	Policy string
	// Sign: messages are signed alone. Otherwise they are encrypted, too. It says nothing where the policy is None.
	Sign bool
	// PKI is the folder of certificates: own, trusted and rejected are below it. What isn't there is made. Required.
	PKI string
	// User and Password say who we are; empty: nobody, unless there is a UserCertificate. The password is sent encrypted for the
	// server that is trusted, or to loopback.
	User, Password string
	// UserCertificate and UserKey are PEM files that say who we are instead.
	UserCertificate, UserKey string
	// Timeout bounds each request. Default 10 s.
	Timeout time.Duration

	renew time.Duration // after which the keys of a channel are made anew; of tests, which don't wait for their lifetime
}

const defaultTimeout = 10 * time.Second

// policies are those that are spoken besides None, the best first.
var policies = []string{ua.SecurityPolicyURIAes256Sha256RsaPss, ua.SecurityPolicyURIBasic256Sha256,
	ua.SecurityPolicyURIAes128Sha256RsaOaep}

// check finds what can't be.
func (c *Connection) check() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "opc.tcp" || u.Hostname() == "" || u.User != nil {
		return errors.New("opcua: address: expected opc.tcp://HOST:PORT/PATH")
	}
	if c.Policy != "" && c.Policy != "None" && !slices.Contains(policies, c.policyURI()) {
		return fmt.Errorf("opcua: security policy %q: expected Basic256Sha256, Aes128_Sha256_RsaOaep, Aes256_Sha256_RsaPss or None",
			c.Policy)
	}
	switch {
	case c.PKI == "":
		return errors.New("opcua: a folder for certificates is missing")
	case (c.User == "") != (c.Password == ""):
		return errors.New("opcua: user and password belong together: give both, or none")
	case (c.UserCertificate == "") != (c.UserKey == ""):
		return errors.New("opcua: a user's certificate and key belong together: give both, or none")
	case c.User != "" && c.UserCertificate != "":
		return errors.New("opcua: a password and a certificate: expected one of them")
	case c.Timeout < 0:
		return fmt.Errorf("opcua: a timeout of %v: expected more than 0", c.Timeout)
	}
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	if c.UserCertificate != "" {
		_, _, err = readUser(c.UserCertificate, c.UserKey)
	}
	return err
}

// policyURI is the policy as servers name it.
func (c *Connection) policyURI() string { return ua.SecurityPolicyURIPrefix + c.Policy }

// host is that of the address.
func (c *Connection) host() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// local reports whether the server is on loopback.
func (c *Connection) local() bool { return loopback.Is(c.host()) }

// refusals are what servers answer that no trying again mends.
var refusals = []ua.StatusCode{
	ua.StatusBadUserAccessDenied, ua.StatusBadIdentityTokenInvalid, ua.StatusBadIdentityTokenRejected,
	ua.StatusBadCertificateUntrusted, ua.StatusBadCertificateInvalid, ua.StatusBadCertificateURIInvalid,
	ua.StatusBadCertificateUseNotAllowed, ua.StatusBadCertificateTimeInvalid, ua.StatusBadSecurityPolicyRejected,
	ua.StatusBadSecurityModeRejected, ua.StatusBadSecurityChecksFailed, ua.StatusBadNodeIDUnknown,
	ua.StatusBadNodeIDInvalid, ua.StatusBadNoMatch, ua.StatusBadServiceUnsupported, ua.StatusBadTCPEndpointURLInvalid,
}

// adviceOf is what is to be done about a refusal.
func adviceOf(code ua.StatusCode) string {
	switch code {
	case ua.StatusBadUserAccessDenied, ua.StatusBadIdentityTokenInvalid, ua.StatusBadIdentityTokenRejected:
		return "put user and password right, or the rights at the server"
	case ua.StatusBadSecurityPolicyRejected, ua.StatusBadSecurityModeRejected:
		return "take a policy that the server allows"
	case ua.StatusBadNodeIDUnknown, ua.StatusBadNodeIDInvalid, ua.StatusBadNoMatch:
		return "put the node right"
	case ua.StatusBadServiceUnsupported, ua.StatusBadTCPEndpointURLInvalid:
		return "put the url right"
	}
	return "have the server trust this client's certificate, which is in its pki folder"
}

// meaning is an error in the words of the contract.
func meaning(err error) error {
	code, ok := errors.AsType[ua.StatusCode](err)
	if ok && slices.Contains(refusals, code) && !errors.Is(err, connector.ErrGiveUp) {
		return connector.GiveUpf("%w; %s", err, adviceOf(code))
	}
	if errors.Is(err, io.EOF) { // it would be taken for the end of a source
		return errors.New(strings.Replace(err.Error(), io.EOF.Error(), "the server has ended the connection", 1))
	}
	return err
}

// ended is the error of ctx if that has ended, else the other one in the words of the contract.
func ended(ctx context.Context, err error) error { return cmp.Or(ctx.Err(), meaning(err)) }
