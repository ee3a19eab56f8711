package core

import (
	"maps"
	"net/url"
	"strings"
)

// What is known of a message besides its content stands behind the media type of its letter, as the parameter quadrille: so it can be
// mapped again.
const (
	detailMark = `; quadrille="`
	// DetailSource names the source, DetailTime has the message's time, DetailCut says that not all of the content is there, and
	// DetailLost that not all variables are; DetailVar begins the name of a variable.
	DetailSource = "source"
	DetailTime   = "time"
	DetailCut    = "cut"
	DetailLost   = "lost"
	DetailVar    = "var."
	// MaxDetail is what those who describe a message keep to, in bytes; maxType bounds the media type.
	MaxDetail = 8 << 10
	maxType   = 2 << 10
)

// LetterType adds details to a media type, which may have some; the media type without them is cut to its bound.
func LetterType(media string, details url.Values) string {
	media, known := LetterDetails(media)
	media = strings.ToValidUTF8(media[:min(len(media), maxType)], "?")
	maps.Copy(known, details)
	if len(known) == 0 {
		return media
	}
	return media + detailMark + known.Encode() + `"`
}

// LetterDetails divides the media type of a letter.
func LetterDetails(text string) (media string, details url.Values) {
	media, rest, _ := strings.Cut(text, detailMark)
	details, err := url.ParseQuery(strings.TrimSuffix(rest, `"`))
	if err != nil || rest == "" {
		details = url.Values{}
	}
	return media, details
}
