package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a request, as Standard Webhooks names them.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// secretPrefix stands before the base64 form of a secret.
const secretPrefix = "whsec_"

// The bounds of a secret, in bytes.
const (
	minSecret = 24
	maxSecret = 64
)

// keysOf reads secrets, of which at least one is needed.
func keysOf(secrets []string) (keys [][]byte, err error) {
	for i, text := range secrets {
		encoded, ok := strings.CutPrefix(text, secretPrefix)
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(key) < minSecret || len(key) > maxSecret {
			return nil, fmt.Errorf("secret %d: expected %s and %d to %d random bytes in base64", i+1, secretPrefix, minSecret,
				maxSecret)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("no secret to sign with")
	}
	return keys, nil
}

// sign puts id, time and signatures, one by each key, into the headers of a request.
func sign(header http.Header, keys [][]byte, id string, now time.Time, body []byte) {
	seconds := strconv.FormatInt(now.Unix(), 10)
	signatures := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		_, _ = mac.Write([]byte(id + "." + seconds + "."))
		_, _ = mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	header.Set(headerID, id)
	header.Set(headerTimestamp, seconds)
	header.Set(headerSignature, strings.Join(signatures, " "))
}
