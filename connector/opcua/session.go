package opcua

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"time"

	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/opcua/internal/channel"
)

const (
	// tokenLifetime is that of the keys of a channel, which are made anew before.
	tokenLifetime = time.Hour
	// sessionTimeout is how long a server keeps a session that is silent.
	sessionTimeout = 2 * time.Minute
	// closePatience bounds what is told to the server at the end.
	closePatience = 2 * time.Second
)

// session is one with a server, over a channel of its own. It may be used concurrently.
type session struct {
	channel    *channel.Channel
	token      *ua.NodeID // nil: there is no session yet
	timeout    time.Duration
	namespaces []string
}

// connect opens a session with the server, after the best way to it was chosen.
func (c *Connection) connect(ctx context.Context) (*session, error) {
	own, err := ownIdentity(c.PKI)
	if err != nil {
		return nil, err
	}
	endpoints, err := c.discover(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask %s for its endpoints: %w", c.URL, ended(ctx, err))
	}
	endpoint, err := c.choose(endpoints)
	if err != nil {
		return nil, err
	}
	user, err := c.user(endpoint)
	if err != nil {
		return nil, err
	}
	if err := c.trusted(endpoint, user); err != nil {
		return nil, err
	}
	s, err := c.channel(ctx, own, endpoint)
	if err != nil {
		return nil, fmt.Errorf("open a channel to %s: %w", c.URL, ended(ctx, err))
	}
	if err := s.begin(ctx, c.URL, own, endpoint, user); err != nil {
		s.close()
		return nil, fmt.Errorf("open a session with %s: %w", c.URL, ended(ctx, err))
	}
	return s, nil
}

// trusted reports why a server is not to be spoken to. Where messages are not protected, that is asked for a password's sake: it
// goes to nobody but the trusted server.
func (c *Connection) trusted(endpoint *ua.EndpointDescription, user *user) error {
	if endpoint.SecurityMode == ua.MessageSecurityModeNone && (!user.secret || c.local()) {
		return nil
	}
	return trust(c.PKI, endpoint.ServerCertificate, endpoint.Server.ApplicationURI, c.host())
}

// channel opens the channel of a session, to the server whose certificate is trusted and to no other.
func (c *Connection) channel(ctx context.Context, own *identity, endpoint *ua.EndpointDescription) (*session, error) {
	cfg := channel.Config{URL: c.URL, Policy: endpoint.SecurityPolicyURI, Mode: endpoint.SecurityMode, Lifetime: tokenLifetime,
		Renew: c.renew, Timeout: c.Timeout}
	if endpoint.SecurityMode != ua.MessageSecurityModeNone {
		cfg.Certificate, cfg.Key, cfg.RemoteCertificate = own.certificate, own.key, endpoint.ServerCertificate
	}
	ch, err := channel.Dial(ctx, cfg)
	switch {
	case errors.Is(err, channel.ErrOther):
		return nil, connector.GiveUpf("%w", err)
	case errors.Is(err, io.EOF) && cfg.Certificate != nil:
		return nil, fmt.Errorf("%w; does it trust our certificate, %s/own/cert.der?", err, c.PKI)
	case err != nil:
		return nil, err
	}
	return &session{channel: ch, timeout: c.Timeout}, nil
}

// discover asks the server what ways there are to it.
func (c *Connection) discover(ctx context.Context) ([]*ua.EndpointDescription, error) {
	s, err := c.channel(ctx, nil, &ua.EndpointDescription{SecurityPolicyURI: ua.SecurityPolicyURINone,
		SecurityMode: ua.MessageSecurityModeNone})
	if err != nil {
		return nil, err
	}
	defer s.close()
	answer, err := ask[*ua.GetEndpointsResponse](ctx, s, &ua.GetEndpointsRequest{EndpointURL: c.URL})
	if err != nil {
		return nil, err
	}
	return answer.Endpoints, nil
}

// choose returns the best way that the configuration allows.
func (c *Connection) choose(endpoints []*ua.EndpointDescription) (*ua.EndpointDescription, error) {
	mode := ua.MessageSecurityModeSignAndEncrypt
	if c.Sign {
		mode = ua.MessageSecurityModeSign
	}
	want := policies
	if c.Policy != "" {
		want = []string{c.policyURI()}
	} else if c.local() {
		want = append(slices.Clone(policies), ua.SecurityPolicyURINone)
	}
	var has []string
	for _, policy := range want {
		for _, e := range endpoints {
			if e == nil || e.Server == nil {
				continue
			}
			has = append(has, fmt.Sprintf("%s with %s", e.SecurityPolicyURI, e.SecurityMode))
			plain := policy == ua.SecurityPolicyURINone && e.SecurityMode == ua.MessageSecurityModeNone
			if e.SecurityPolicyURI == policy && (e.SecurityMode == mode || plain) {
				return e, nil
			}
		}
	}
	slices.Sort(has)
	return nil, connector.GiveUpf("the server at %s has no security policy that is allowed (%v with %s); it has %v", c.URL, want, mode,
		slices.Compact(has))
}

// user is who we say that we are.
type user struct {
	token    any
	policy   string // by which the token is encrypted or signed
	secret   bool   // the token holds a password
	key      *rsa.PrivateKey
	password string
}

// user makes the token that the endpoint takes.
func (c *Connection) user(endpoint *ua.EndpointDescription) (*user, error) {
	kind := ua.UserTokenTypeAnonymous
	switch {
	case c.User != "":
		kind = ua.UserTokenTypeUserName
	case c.UserCertificate != "":
		kind = ua.UserTokenTypeCertificate
	}
	at := slices.IndexFunc(endpoint.UserIdentityTokens, func(t *ua.UserTokenPolicy) bool { return t.TokenType == kind })
	if at < 0 {
		return nil, connector.GiveUpf("the server at %s takes no token of type %s", c.URL, kind)
	}
	taken := endpoint.UserIdentityTokens[at]
	u := &user{policy: cmp.Or(taken.SecurityPolicyURI, endpoint.SecurityPolicyURI)}
	switch kind {
	case ua.UserTokenTypeUserName:
		encrypted := u.policy != ua.SecurityPolicyURINone || endpoint.SecurityMode == ua.MessageSecurityModeSignAndEncrypt
		if !encrypted && !c.local() {
			return nil, connector.GiveUpf("the server at %s would be sent the password as it is: it needs a security policy, or loopback", c.URL)
		}
		u.token = &ua.UserNameIdentityToken{PolicyID: taken.PolicyID, UserName: c.User}
		u.secret, u.password = true, c.Password
	case ua.UserTokenTypeCertificate:
		certificate, key, err := readUser(c.UserCertificate, c.UserKey)
		if err != nil {
			return nil, connector.GiveUpf("%w; put user-certificate and user-key right", err)
		}
		u.token, u.key = &ua.X509IdentityToken{PolicyID: taken.PolicyID, CertificateData: certificate}, key
	default:
		u.token = &ua.AnonymousIdentityToken{PolicyID: taken.PolicyID}
	}
	return u, nil
}

// begin makes a session on the channel, as the user.
func (s *session) begin(ctx context.Context, address string, own *identity, endpoint *ua.EndpointDescription, user *user) error {
	nonce := make([]byte, 32)
	if _, err := rand.Read(nonce); err != nil {
		return err
	}
	made, err := ask[*ua.CreateSessionResponse](ctx, s, &ua.CreateSessionRequest{
		ClientDescription: &ua.ApplicationDescription{ApplicationURI: own.uri, ProductURI: "urn:quadrille",
			ApplicationName: ua.NewLocalizedText("Quadrille"), ApplicationType: ua.ApplicationTypeClient},
		EndpointURL: address, SessionName: "quadrille", ClientNonce: nonce, ClientCertificate: own.certificate,
		RequestedSessionTimeout: float64(sessionTimeout / time.Millisecond),
	})
	if err != nil {
		return err
	}
	if endpoint.SecurityMode != ua.MessageSecurityModeNone {
		if !bytes.Equal(made.ServerCertificate, endpoint.ServerCertificate) || made.ServerSignature == nil {
			return connector.GiveUpf("the session is not with the server that is trusted")
		}
		if err := s.channel.Verify(made.ServerCertificate, nonce, made.ServerSignature.Signature); err != nil {
			return connector.GiveUpf("the server has not the key of its certificate: %w", err)
		}
	}
	s.token = made.AuthenticationToken
	if err := s.activate(ctx, endpoint.ServerCertificate, made.ServerNonce, user); err != nil {
		return err
	}
	values, err := s.read(ctx, []*ua.ReadValueID{attribute(ua.NewNumericNodeID(0, id.Server_NamespaceArray), ua.AttributeIDValue)})
	if err != nil {
		return err
	}
	namespaces, ok := valueOf(values[0]).([]string)
	if !ok {
		return errors.New("the server doesn't say what its namespaces are")
	}
	s.namespaces = namespaces
	return nil
}

// activate says who the user is.
func (s *session) activate(ctx context.Context, certificate, nonce []byte, user *user) error {
	signature, algorithm, err := s.channel.Sign(certificate, nonce)
	if err != nil {
		return err
	}
	request := &ua.ActivateSessionRequest{ClientSignature: &ua.SignatureData{Algorithm: algorithm, Signature: signature},
		UserTokenSignature: &ua.SignatureData{}}
	switch token := user.token.(type) {
	case *ua.UserNameIdentityToken:
		token.Password, token.EncryptionAlgorithm, err = channel.Encrypt(user.policy, user.password, certificate, nonce)
	case *ua.X509IdentityToken:
		request.UserTokenSignature.Signature, request.UserTokenSignature.Algorithm, err =
			channel.SignAs(user.policy, user.key, certificate, nonce)
	}
	if err != nil {
		return err
	}
	request.UserIdentityToken = ua.NewExtensionObject(user.token)
	_, err = ask[*ua.ActivateSessionResponse](ctx, s, request)
	return err
}

// ask sends a request and returns the answer.
func ask[R ua.Response](ctx context.Context, s *session, request ua.Request) (R, error) {
	return askWithin[R](ctx, s, request, s.timeout)
}

// askWithin is ask with a time of its own, within which an answer comes.
func askWithin[R ua.Response](ctx context.Context, s *session, request ua.Request, timeout time.Duration) (R, error) {
	answer, _ := reflect.New(reflect.TypeFor[R]().Elem()).Interface().(R) // R is a pointer to a structure
	return answer, s.channel.Ask(ctx, request, answer, s.token, timeout)
}

// close ends session and channel, and returns when what was told to the server is out.
func (s *session) close() {
	s.channel.Hurry(closePatience) // for who is stuck in a request
	if s.token != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closePatience)
		defer cancel()
		request := &ua.CloseSessionRequest{DeleteSubscriptions: true}
		_, _ = askWithin[*ua.CloseSessionResponse](ctx, s, request, closePatience) // it ends anyway
	}
	s.channel.Close()
}
