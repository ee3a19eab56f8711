package jetstream

import (
	"net/url"
	"strings"
)

// RedactURLs returns addresses with commas between them without their passwords and tokens, for messages and logs.
func RedactURLs(list string) string {
	var shown []string
	for address := range strings.SplitSeq(list, ",") {
		address = strings.TrimSpace(address)
		if _, host, found := strings.Cut(address, "@"); found {
			u, err := url.Parse(address)
			switch {
			case err != nil || u.User == nil:
				address = host
			default:
				u.User = nil
				address = u.String()
			}
		}
		shown = append(shown, address)
	}
	return strings.Join(shown, ",")
}
