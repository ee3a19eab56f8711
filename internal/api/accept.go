package api

import (
	"mime"
	"slices"
	"strconv"
	"strings"
)

// accepted is one item of a header such as Accept.
type accepted struct {
	what string
	q    float64
}

// listItems returns the items of a header that is a list, whichever lines they come on. A comma within quotes divides none
// (RFC 9110, 5.3, 5.6.1 and 5.6.4).
func listItems(values []string) (items []string) {
	for _, line := range values {
		begin, quoted := 0, false
		for i := 0; i < len(line); i++ {
			switch {
			case quoted && line[i] == '\\':
				i++
			case line[i] == '"':
				quoted = !quoted
			case line[i] == ',' && !quoted:
				items = append(items, line[begin:i])
				begin = i + 1
			}
		}
		items = append(items, line[begin:])
	}
	return items
}

// parseAccept reads a header such as Accept or Accept-Encoding. An item that can't be read is left out.
func parseAccept(values []string) (list []accepted) {
	for _, item := range listItems(values) {
		what, params, err := mime.ParseMediaType(item)
		if err != nil || what == "" {
			continue
		}
		q := 1.0
		if text, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(text, 64); err != nil || !(q >= 0 && q <= 1) {
				continue
			}
		}
		list = append(list, accepted{what, q})
	}
	return list
}

// negotiate returns the media type of the offers that the client likes best (RFC 9110, 12.5.1): the one with the highest weight;
// of equals, what stands first in the header, and what is offered first. Without a header it is the first offer.
func negotiate(accept, offers []string) (best string, ok bool) {
	if len(accept) == 0 {
		return offers[0], true
	}
	list := parseAccept(accept)
	weight, place := 0.0, 0
	for _, offer := range offers {
		kind, _, _ := strings.Cut(offer, "/")
		q, at := weightOf(list, offer, kind+"/*", "*/*")
		if q > weight || q == weight && q > 0 && at < place {
			best, weight, place = offer, q, at
		}
	}
	return best, weight > 0
}

// weightOf returns the weight of what goes by these names, the most specific one first, and the place of the item that gives it:
// the first name that is there counts.
func weightOf(list []accepted, names ...string) (q float64, at int) {
	for _, name := range names {
		if i := slices.IndexFunc(list, func(a accepted) bool { return a.what == name }); i >= 0 {
			return list[i].q, i
		}
	}
	return 0, 0
}

// acceptable returns the media type of the answer, or the problem if there is none that the client takes.
func acceptable(accept, offers []string, path string) (string, *problem) {
	media, ok := negotiate(accept, offers)
	if !ok {
		return "", newProblem("not_acceptable", "%s gives %s here, and Accept is %q", path, strings.Join(offers, ", "),
			strings.Join(accept, ", "))
	}
	return media, nil
}
