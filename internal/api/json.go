package api

import (
	"bytes"
	"encoding/json"
)

// marshal is JSON on one line, in which '<', '>' and '&' stand as they are: IRIs and rows are full of them, and no answer is put
// into a web page (its media type says what it is, and nobody may guess another).
func marshal(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
