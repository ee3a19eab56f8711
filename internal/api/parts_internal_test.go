package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/client"
)

// TestPartsOf: parts are divided at the lines of the boundary, whatever else is in them, and a body that is cut off is none.
func TestPartsOf(t *testing.T) {
	const nquads = "Content-Type: application/n-quads\r\n"
	for _, test := range []struct{ body, want string }{
		{"--b\r\n" + nquads + "\r\none\r\n--b\r\ncontent-type: application/n-quads \r\nidempotency-key:k\r\n\r\ntwo\r\n\r\n--b--", `"one" "" | "two\r\n" "k"`},
		{"before\r\n--b \t\r\n" + nquads + "\r\n--bc\r\n --b\r\n--b-\r\nx--b\r\n--b--\r\nbehind\r\n--b\r\n", `"--bc\r\n --b\r\n--b-\r\nx--b" ""`},
		{"--b\r\n" + nquads + "\r\n\r\n--b--", `"" ""`},
		{"--b\r\n" + nquads + "\r\n--b--", `"" ""`},
		{"--b\r\n\r\nx\r\n--b--", "unsupported_media_type"},
		{"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--", "unsupported_media_type"},
		{"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\nx\r\n--b--", "unsupported_media_type"},
		{"--b\r\n" + nquads + nquads + "\r\nx\r\n--b--", "unsupported_media_type"},
		{"--b\r\n" + nquads + "Idempotency-Key: \r\n\r\nx\r\n--b--", "bad_key"},
		{"--b\r\n" + nquads + "Idempotency-Key: 1\r\nIdempotency-Key: 2\r\n\r\nx\r\n--b--", "bad_key"},
		{"--b\r\n" + nquads + "Content-Encoding: gzip\r\n\r\nx\r\n--b--", "unsupported_encoding"},
		{"--b\r\n" + nquads + "Content-Transfer-Encoding: base64\r\n\r\nx\r\n--b--", "unsupported_encoding"},
		{"--b\r\n" + nquads + "Content-Transfer-Encoding: 8BIT\r\nX-Other: 1\r\n\r\nx\r\n--b--", `"x" ""`},
		{"--b\r\n" + nquads + "no header\r\n\r\nx\r\n--b--", "body"},
		{"--b\r\n : x\r\n\r\nx\r\n--b--", "body"},
		{"--b--\r\n", ""},
		{"", "no line of the body is --b"},
		{"--b\n" + nquads + "\r\nx\r\n--b--", ""}, // its first line does not end as lines do
		{"--b\r\n" + nquads + "\r\nx\r\n--b", "behind part 1 there is no line --b--"},
		{"--b\r\n" + nquads + "\r\nx\r\n--b\r\n", "behind part 2 there is no line --b--"},
		{strings.Repeat("--b\r\n"+nquads+"\r\nx\r\n", client.MaxParts+1) + "--b--", "there are more than 10000"},
	} {
		parts, err := partsOf([]byte(test.body), "b")
		var got []string
		for _, p := range parts {
			if p.problem != nil {
				got = append(got, p.problem.Code)
				continue
			}
			got = append(got, fmt.Sprintf("%q %q", p.body, p.key))
		}
		text := strings.Join(got, " | ")
		if err != nil {
			text = strings.TrimPrefix(err.Error(), errParts.Error()+": ")
			text = text[:min(len(text), max(len(test.want), 1))]
		}
		if text != test.want {
			t.Errorf("%.200q: %s, want %s", test.body, text, test.want)
		}
	}
}
