package channel

import (
	"bytes"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/gopcua/opcua/ua"
	"github.com/gopcua/opcua/uapolicy"
)

// largeBlock is the size in bytes of a block of ciphertext from which on the length of the padding takes two bytes (part 6, 6.7.2.5).
const largeBlock = 256

// room is how many bytes of a body a chunk of a size has.
func (s *sealer) room(size int) int {
	size -= len(s.head)
	if !s.signed {
		return size - sequenceHeader
	}
	if !s.ciphered {
		return size - sequenceHeader - s.algorithm.SignatureLength()
	}
	blocks := size / s.algorithm.BlockSize()
	return blocks*s.algorithm.PlaintextBlockSize() - sequenceHeader - s.algorithm.SignatureLength() - s.lengths()
}

// lengths is how many bytes the length of the padding takes.
func (s *sealer) lengths() int {
	if s.algorithm.BlockSize() > largeBlock {
		return 2
	}
	return 1
}

// seal makes a chunk: padded, signed, encrypted.
func (s *sealer) seal(part byte, number, request uint32, body []byte) ([]byte, error) {
	b := append(make([]byte, 0, len(s.head)+len(body)+2*largeBlock), s.head...)
	b[3] = part
	b = binary.LittleEndian.AppendUint32(b, number)
	b = binary.LittleEndian.AppendUint32(b, request)
	b = append(b, body...)
	size := len(b)
	if s.ciphered {
		block := s.algorithm.PlaintextBlockSize()
		length := len(b) - len(s.head) + s.lengths() + s.algorithm.SignatureLength()
		padding := (block - length%block) % block
		b = append(b, bytes.Repeat([]byte{byte(padding)}, padding+1)...)
		if s.lengths() == 2 {
			b = append(b, byte(padding>>8))
		}
		size = len(s.head) + (length+padding)/block*s.algorithm.BlockSize()
	} else if s.signed {
		size += s.algorithm.SignatureLength()
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(size))
	if !s.signed {
		return b, nil
	}
	signature, err := s.algorithm.Signature(b)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if b = append(b, signature...); !s.ciphered {
		return b, nil
	}
	secret, err := s.algorithm.Encrypt(b[len(s.head):])
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return append(b[:len(s.head)], secret...), nil
}

// unseal returns what is behind the head of a chunk, without its protection.
func unseal(algorithm *uapolicy.EncryptionAlgorithm, chunk []byte, head int, signed, ciphered bool) ([]byte, error) {
	if !signed {
		return chunk[head:], nil
	}
	if ciphered {
		open, err := algorithm.Decrypt(chunk[head:])
		if err != nil {
			return nil, fmt.Errorf("%w: a message of the server's can't be decrypted: %w", ua.StatusBadSecurityChecksFailed, err)
		}
		chunk = append(chunk[:head:head], open...)
	}
	end := len(chunk) - algorithm.RemoteSignatureLength()
	if end < head {
		return nil, fmt.Errorf("%w: a message of the server's is shorter than its signature", ua.StatusBadSecurityChecksFailed)
	}
	if err := algorithm.VerifySignature(chunk[:end], chunk[end:]); err != nil {
		return nil, fmt.Errorf("%w: the signature of a message of the server's: %w", ua.StatusBadSecurityChecksFailed, err)
	}
	if !ciphered {
		return chunk[head:end], nil
	}
	return unpadded(chunk[head:end], algorithm)
}

// unpadded takes off the padding, which is encrypted for us: the size of our key says how its length is written.
func unpadded(b []byte, algorithm *uapolicy.EncryptionAlgorithm) ([]byte, error) {
	if len(b) < 2 {
		return nil, errors.New("a message of the server's has no padding")
	}
	n := int(b[len(b)-1]) + 1
	if algorithm.NonceLength() > 0 && algorithm.SignatureLength() > largeBlock { // a signature of ours is as long as our key
		n = int(b[len(b)-1])<<8 + int(b[len(b)-2]) + 2
	}
	if n > len(b) {
		return nil, fmt.Errorf("a message of the server's has a padding of %d bytes, and %d in all", n, len(b))
	}
	return b[:len(b)-n], nil
}

// remote makes what is signed or encrypted for who has a certificate.
func remote(policy string, key *rsa.PrivateKey, certificate []byte) (*uapolicy.EncryptionAlgorithm, error) {
	public, err := publicKey(certificate)
	if err != nil {
		return nil, err
	}
	return uapolicy.Asymmetric(policy, key, public)
}

// publicKey is that of a certificate. These policies have RSA alone.
func publicKey(certificate []byte) (*rsa.PublicKey, error) {
	parsed, err := uapolicy.ParseCertificate(certificate)
	if err != nil {
		return nil, fmt.Errorf("the server's certificate: %w", err)
	}
	key, ok := parsed.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the server's certificate has a key of type %T: expected one of RSA", parsed.PublicKey)
	}
	return key, nil
}

// joined is what is signed: who gets it, and what that one has made up.
func joined(certificate, nonce []byte) []byte {
	return append(append([]byte(nil), certificate...), nonce...)
}

// Sign shows a server that we have the key of our certificate. Without security it is nothing.
func (c *Channel) Sign(certificate, nonce []byte) (signature []byte, algorithm string, err error) {
	if c.cfg.Mode == ua.MessageSecurityModeNone {
		return nil, "", nil
	}
	return sign(c.cfg.Policy, c.cfg.Key, certificate, nonce)
}

// SignAs shows a server that a user has the key of a certificate, by a policy.
func SignAs(policy string, key *rsa.PrivateKey, certificate, nonce []byte) (signature []byte, algorithm string, err error) {
	if policy == ua.SecurityPolicyURINone {
		return nil, "", nil
	}
	return sign(policy, key, certificate, nonce)
}

func sign(policy string, key *rsa.PrivateKey, certificate, nonce []byte) (signature []byte, algorithm string, err error) {
	a, err := remote(policy, key, certificate)
	if err != nil {
		return nil, "", err
	}
	signature, err = a.Signature(joined(certificate, nonce))
	return signature, a.SignatureURI(), err
}

// Verify reports that a server has not the key of its certificate.
func (c *Channel) Verify(certificate, nonce, signature []byte) error {
	if c.cfg.Mode == ua.MessageSecurityModeNone {
		return nil
	}
	a, err := remote(c.cfg.Policy, c.cfg.Key, certificate)
	if err != nil {
		return err
	}
	return a.VerifySignature(joined(c.cfg.Certificate, nonce), signature)
}

// Encrypt encrypts a password for a server, by a policy (part 4, 7.40.2.2).
func Encrypt(policy, password string, certificate, nonce []byte) (secret []byte, algorithm string, err error) {
	if policy == ua.SecurityPolicyURINone {
		return []byte(password), "", nil
	}
	a, err := remote(policy, nil, certificate)
	if err != nil {
		return nil, "", err
	}
	plain := binary.LittleEndian.AppendUint32(nil, uint32(len(password)+len(nonce)))
	plain = append(append(plain, password...), nonce...)
	secret, err = a.Encrypt(plain)
	return secret, a.EncryptionURI(), err
}
