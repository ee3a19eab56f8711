package jetstream

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Secret is what the servers of an engine and the nodes that connect to them know, and nobody else on their machines or on the
// way between them. From it follow the key by which both ends of a connection know each other, and the passwords of the logins.
// It is no password of a person: who connects can try guesses at home, so it must be random.
type Secret string

const (
	// MinSecret is the least length of a secret in bytes: 128 random bits in hexadecimal digits.
	MinSecret = 32
	// SecretFile is the file, inside a data folder, with the secret that a server made at its first start.
	SecretFile = "quadrille.secret"
	// peerName is the name in the certificate of whoever has the secret.
	peerName = "quadrille"
)

// NewSecret returns 256 random bits, in hexadecimal digits.
func NewSecret() Secret {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // it never fails
	return Secret(hex.EncodeToString(b))
}

// Check returns an error if the secret is too short to be one.
func (s Secret) Check() error {
	if len(s) < MinSecret {
		return fmt.Errorf("the engine's secret has %d characters, expected %d or more, at random; \"openssl rand -hex 32\" makes one",
			len(s), MinSecret)
	}
	return nil
}

// String hides it.
func (s Secret) String() string { return "(secret)" }

// derive returns 32 bytes for one use of the secret. They tell nothing of the secret or of those for another use.
func (s Secret) derive(use string) []byte {
	mac := hmac.New(sha256.New, []byte(s))
	mac.Write([]byte("quadrille engine " + use))
	return mac.Sum(nil)
}

func (s Secret) password(of Login) string { return hex.EncodeToString(s.derive("login " + string(of))) }

// Login returns the option by which a connection to a server that has the secret logs in. Over a network both ends show
// that they have it, and what goes over is encrypted.
func (s Secret) Login(as Login) nats.Option {
	return func(o *nats.Options) (err error) {
		o.User, o.Password, o.InboxPrefix = string(as), s.password(as), as.inbox()
		if o.InProcessServer == nil {
			o.Secure = true
			o.TLSConfig, err = s.tls()
		}
		return err
	}
}

// tls is the configuration of both ends of a connection. Each shows a certificate with a key that only who has the secret can
// make, and takes no other.
func (s Secret) tls() (*tls.Config, error) {
	key := ed25519.NewKeyFromSeed(s.derive("key"))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: peerName}, DNSNames: []string{peerName},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // no clock decides
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certificate of the engine's secret: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certificate of the engine's secret: %w", err)
	}
	only := x509.NewCertPool()
	only.AddCert(cert)
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key, Leaf: cert}},
		ServerName:   peerName, RootCAs: only,
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: only,
	}, nil
}

// secret returns the one that is configured, or that of the data folder, in which a server that stands alone makes one. One that
// listens for nobody needs none that lasts. For a server that is no member of a cluster it is called by who holds the folder's
// lock.
func (cfg ServerConfig) secret() (Secret, error) {
	switch {
	case cfg.Secret != "":
		return cfg.Secret, cfg.Secret.Check()
	case cfg.NoListen:
		return NewSecret(), nil
	}
	path := filepath.Join(cfg.Dir, SecretFile)
	s, err := readSecret(path)
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return s, err
	case cfg.Cluster != "":
		return "", fmt.Errorf("member %q of cluster %q has no secret: give all members the same one (engine.secret, QUADRILLE_SECRET), "+
			"or copy one file to all of them as %s, mode 0600; \"openssl rand -hex 32\" makes one", cfg.Name, cfg.Cluster, path)
	}
	s = NewSecret()
	return s, writeFile(path, []byte(s+"\n"))
}

// readSecret reads a file that only its owner can read.
func readSecret(path string) (Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("the engine's secret: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" { // which has no such modes
		return "", fmt.Errorf("the engine's secret: %s can be read by others (mode %04o): make another one, or chmod 600 it", path, mode)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("the engine's secret: %w", err)
	}
	s := Secret(strings.TrimSpace(string(text)))
	if err := s.Check(); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
