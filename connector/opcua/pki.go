package opcua

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // what OPC UA calls certificates by
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
)

// identity is who we are: a certificate, whose URI is the name of the application, and its key.
type identity struct {
	certificate []byte // DER
	key         *rsa.PrivateKey
	uri         string
}

// validity is that of a certificate that we make. Servers refuse one that has expired, and nobody looks after it.
const validity = 10 * 365 * 24 * time.Hour

// making keeps sources and sinks with one folder from making its certificate at the same time.
var making sync.Mutex

// ownIdentity reads our certificate and key, PKI/own/own.pem, and makes them if they are not there. cert.der beside it is the
// certificate as servers take it.
func ownIdentity(dir string) (*identity, error) {
	making.Lock()
	defer making.Unlock()
	own := filepath.Join(dir, "own")
	file := filepath.Join(own, "own.pem")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = makeIdentity(own, file)
	}
	if err != nil {
		return nil, fmt.Errorf("own certificate: %w", err)
	}
	id := &identity{}
	if id.certificate, id.key, err = parsePair(text, text); err != nil {
		return nil, connector.GiveUpf("own certificate: %s: %w", file, err)
	}
	certificate, err := x509.ParseCertificate(id.certificate)
	if err != nil || len(certificate.URIs) == 0 {
		return nil, connector.GiveUpf("own certificate: %s: expected one with the URI of the application (subjectAltName): %w", file, err)
	}
	id.uri = certificate.URIs[0].String()
	if err := os.WriteFile(filepath.Join(own, "cert.der"), id.certificate, 0o644); err != nil { //nolint:gosec // it is for everybody
		return nil, fmt.Errorf("own certificate: %w", err)
	}
	return id, nil
}

// makeIdentity makes certificate and key in one file, whole or not at all. Another process may do the same: one of them is first.
func makeIdentity(dir, file string) ([]byte, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	certificate, err := selfSigned(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})...)
	made, err := os.CreateTemp(dir, "new-*") // only we can read it
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(made.Name()) }() // only a name
	_, err = made.Write(text)
	if err = errors.Join(err, made.Sync(), made.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(made.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(file)
}

// selfSigned makes a certificate as OPC UA has it for applications (part 6, 6.2.2).
func selfSigned(key *rsa.PrivateKey) ([]byte, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	uri := &url.URL{Scheme: "urn", Opaque: url.PathEscape(host) + ":quadrille:" + serial.Text(36)}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Quadrille@" + host, Organization: []string{"Quadrille"}},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(validity), URIs: []*url.URL{uri}, DNSNames: []string{host},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment | x509.KeyUsageKeyEncipherment |
			x509.KeyUsageDataEncipherment | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	return x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
}

// readUser reads the certificate and key of a user.
func readUser(certificate, key string) ([]byte, *rsa.PrivateKey, error) {
	certificateText, err := os.ReadFile(certificate)
	if err != nil {
		return nil, nil, fmt.Errorf("opcua: user's certificate: %w", err)
	}
	keyText, err := os.ReadFile(key)
	if err != nil {
		return nil, nil, fmt.Errorf("opcua: user's key: %w", err)
	}
	der, private, err := parsePair(certificateText, keyText)
	if err != nil {
		return nil, nil, fmt.Errorf("opcua: user's certificate and key: %w", err)
	}
	return der, private, nil
}

// parsePair reads a certificate and its key as PEM. OPC UA has RSA alone.
func parsePair(certificateText, keyText []byte) ([]byte, *rsa.PrivateKey, error) {
	der := blockOf(certificateText, "CERTIFICATE")
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	key, err := x509.ParsePKCS1PrivateKey(blockOf(keyText, "RSA PRIVATE KEY"))
	if err != nil {
		other, otherErr := x509.ParsePKCS8PrivateKey(blockOf(keyText, "PRIVATE KEY"))
		if key, _ = other.(*rsa.PrivateKey); otherErr != nil || key == nil {
			return nil, nil, errors.New("expected an RSA key as PEM")
		}
	}
	if !key.PublicKey.Equal(certificate.PublicKey) {
		return nil, nil, errors.New("the key is not the certificate's")
	}
	return der, key, nil
}

// blockOf returns the content of the first block of a kind; nil if there is none.
func blockOf(text []byte, kind string) []byte {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == kind {
			return block.Bytes
		}
	}
	return nil
}

// maxRejected bounds the certificates that are kept of servers that aren't trusted.
const maxRejected = 100

// trust reports why a server is not to be spoken to: its certificate is neither in PKI/trusted, nor issued by one that is. What
// is not trusted is kept in PKI/rejected, so that somebody can look at it and move it over.
func trust(dir string, der []byte, uri, host string) error {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return connector.GiveUpf("the server's certificate: %w", err)
	}
	list, err := readTrusted(filepath.Join(dir, "trusted"))
	if err != nil {
		return err
	}
	if now := time.Now(); now.Before(certificate.NotBefore) || now.After(certificate.NotAfter) {
		return connector.GiveUpf("the server's certificate is valid from %v to %v, and it is %v", certificate.NotBefore, certificate.NotAfter, now)
	}
	for _, trusted := range list {
		if bytes.Equal(trusted.Raw, der) {
			return nil
		}
	}
	err = issued(certificate, list, uri, host)
	if err == nil {
		return nil
	}
	if before := sameApplication(certificate, list); before != nil {
		err = fmt.Errorf("the one that is trusted for %s has SHA-1 %s: the server has another one than before, or it is another server: %w",
			before.URIs[0], fingerprint(before.Raw), err)
	}
	return reject(dir, certificate, err)
}

// sameApplication returns a certificate that is trusted and says that it is of the same application as another one.
func sameApplication(certificate *x509.Certificate, list []*x509.Certificate) *x509.Certificate {
	for _, trusted := range list {
		if len(trusted.URIs) > 0 && len(certificate.URIs) > 0 && trusted.URIs[0].String() == certificate.URIs[0].String() {
			return trusted
		}
	}
	return nil
}

// issued reports why a certificate is not one of a trusted authority for this server.
func issued(certificate *x509.Certificate, list []*x509.Certificate, uri, host string) error {
	roots := x509.NewCertPool()
	for _, trusted := range list {
		if trusted.IsCA {
			roots.AddCert(trusted)
		}
	}
	options := x509.VerifyOptions{Roots: roots, DNSName: host, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if _, err := certificate.Verify(options); err != nil {
		return err
	}
	for _, has := range certificate.URIs {
		if has.String() == uri {
			return nil
		}
	}
	return fmt.Errorf("it is not that of the application %q", uri)
}

// readTrusted reads the certificates of a folder, in DER or PEM.
func readTrusted(dir string) ([]*x509.Certificate, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("trusted certificates: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("trusted certificates: %w", err)
	}
	var list []*x509.Certificate
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("trusted certificates: %w", err)
		}
		if der := blockOf(text, "CERTIFICATE"); der != nil {
			text = der
		}
		certificate, err := x509.ParseCertificate(text)
		if err != nil {
			return nil, connector.GiveUpf("trusted certificates: %s: %w", filepath.Join(dir, entry.Name()), err)
		}
		list = append(list, certificate)
	}
	return list, nil
}

// fingerprint is what people compare certificates by: the SHA-1 of OPC UA's tools.
func fingerprint(der []byte) string {
	sum := sha1.Sum(der) //nolint:gosec // a name
	return fmt.Sprintf("%X", sum)
}

// reject keeps a certificate, and says what to do.
func reject(dir string, certificate *x509.Certificate, why error) error {
	rejected := filepath.Join(dir, "rejected")
	if err := os.MkdirAll(rejected, 0o700); err != nil {
		return fmt.Errorf("rejected certificates: %w", err)
	}
	name := fingerprint(certificate.Raw) + ".der"
	file := filepath.Join(rejected, name)
	if err := keep(rejected, file, certificate.Raw); err != nil {
		why = fmt.Errorf("%w (and it can't be kept: %w)", why, err)
	}
	return connector.GiveUpf("the certificate of the server (%s, SHA-1 %s) is not trusted: %w; if it is the server's, move %s to %s",
		certificate.Subject, fingerprint(certificate.Raw), why, file, filepath.Join(dir, "trusted", name))
}

// keep writes a certificate unless it is there.
func keep(dir, file string, der []byte) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) >= maxRejected {
		return fmt.Errorf("%s holds %d certificates already", dir, len(entries))
	}
	return os.WriteFile(file, der, 0o600)
}
