package opcua_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/opcua"
)

// reads reports why a connection brings no value.
func (s *server) reads(t *testing.T, c opcua.Connection) error {
	t.Helper()
	cfg := s.fast(t)
	cfg.Connection, cfg.Nodes = c, []string{s.node("set")}
	r, err := source(t, cfg).Open(conntest.Within(t), &conntest.Progress{})
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = r.Read(conntest.Within(t))
	return err
}

// testSecurity: an unknown server is refused and can be trusted; then every policy is spoken, with our own certificate, which is
// made once.
func testSecurity(t *testing.T, s *server) {
	pki := t.TempDir()
	c := s.plain(t)
	c.Policy, c.PKI = "", pki
	trustServer(t, s.reads(t, c))
	own, err := os.ReadFile(filepath.Join(pki, "own", "own.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, policy := range []string{"", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"} {
		for _, sign := range []bool{false, true} {
			if sign && s.name == "python" && policy != "Basic256Sha256" {
				continue // it has none
			}
			c.Policy, c.Sign = policy, sign
			if err := s.reads(t, c); err != nil {
				t.Errorf("policy %q, signed alone %v: %v", policy, sign, err)
			}
		}
	}
	if again, err := os.ReadFile(filepath.Join(pki, "own", "own.pem")); err != nil || string(again) != string(own) {
		t.Errorf("our certificate has changed: %v", err)
	}
}

// testUser: the right user is let in, with or without a channel that is encrypted, others are not.
func testUser(t *testing.T, s *server) {
	c := s.plain(t)
	for _, policy := range []string{"None", "Basic256Sha256"} {
		c.Policy, c.User, c.Password = policy, "user", "secret"
		err := s.reads(t, c)
		if policy != "None" {
			trustServer(t, err)
			err = s.reads(t, c)
		}
		if err != nil {
			t.Errorf("policy %s: %v", policy, err)
		}
		c.Password = "wrong"
		if err := s.reads(t, c); !errors.Is(err, connector.ErrGiveUp) {
			t.Errorf("policy %s, with a wrong password: %v", policy, err)
		}
	}
	c.User, c.Password = "", ""
	c.UserCertificate, c.UserKey = filepath.Join(c.PKI, "own", "own.pem"), filepath.Join(c.PKI, "own", "own.pem")
	if err := s.reads(t, c); err != nil {
		t.Errorf("with a certificate: %v", err)
	}
}

// testRenewed: values go on to come while the channel's keys are made anew.
func testRenewed(t *testing.T, s *server) {
	cfg := s.fast(t)
	cfg.Nodes, cfg.Policy = []string{s.node("count")}, "Basic256Sha256"
	trustServer(t, s.reads(t, cfg.Connection))
	cfg.SetRenew(time.Second)
	r := open(t, source(t, cfg))
	defer r.close()
	first := r.until("a value", func(document) bool { return true })
	r.until("values with the third keys", func(d document) bool {
		return d.ServerTime.Sub(*first.ServerTime) > 5*time.Second/2
	})
}
