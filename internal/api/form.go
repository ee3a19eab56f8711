package api

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// typeFiles is the media type of a form with files (RFC 7578), each a document of its own.
const typeFiles = "multipart/form-data"

// maxFormParts bounds the documents of a form.
const maxFormParts = 1000

// form reads the documents of a form. What they take besides the body is in the budget of bodies until release is called.
func (a *API) form(r *http.Request, body []byte) (documents []graph.Document, release func(), p *problem) {
	release = func() {}
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return nil, release, newProblem("body", "the form is malformed: its Content-Type has no boundary")
	}
	size := int64(len(body)) // no part is longer than what it was read from
	if !a.bodies.take(size) {
		return nil, release, a.bodiesBusy()
	}
	release = func() { a.bodies.give(size) }
	form := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for number := 1; ; number++ {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF) && !closed(body, params["boundary"]):
			return nil, release, newProblem("body", "the form is malformed: it ends before its last boundary, --%s--", params["boundary"])
		case errors.Is(err, io.EOF) && len(documents) == 0:
			return nil, release, newProblem("body", "the form has no documents")
		case errors.Is(err, io.EOF):
			return documents, release, nil
		case err != nil:
			return nil, release, newProblem("body", "the form is malformed: %v", err)
		case number > maxFormParts:
			return nil, release, newProblem("too_large", "the form has more than %d parts; send it in several", maxFormParts)
		}
		d, p := documentOf(part, number)
		if p != nil {
			return nil, release, p
		}
		if d.MediaType != "" {
			documents = append(documents, d)
		}
	}
}

// closed reports whether a form has its last boundary, of which who reads the parts doesn't always make sure.
func closed(form []byte, boundary string) bool {
	last := []byte("--" + boundary + "--")
	return bytes.HasPrefix(form, last) || bytes.Contains(form, append([]byte("\n"), last...))
}

// documentOf reads a part. It is none if it has neither content nor the name of a file, as a browser sends for a file that nobody has
// chosen.
func documentOf(part *multipart.Part, number int) (d graph.Document, p *problem) {
	d.Name = strings.TrimSpace(fmt.Sprintf("part %d %s", number, cmp.Or(part.FileName(), part.FormName())))
	body, err := io.ReadAll(part)
	if err != nil {
		return d, newProblem("body", "%s: %v", d.Name, err)
	}
	if len(body) == 0 && part.FileName() == "" {
		return d, nil
	}
	switch encoding := part.Header.Get("Content-Transfer-Encoding"); strings.ToLower(encoding) {
	case "", "7bit", "8bit", "binary":
	default: // quoted-printable is decoded by who reads the parts
		return d, newProblem("unsupported_encoding", "%s: Content-Transfer-Encoding %q is not supported; send binary", d.Name, encoding)
	}
	d.Body = body
	d.MediaType, p = partType(part, d.Name)
	return d, p
}

// partType is the media type of a part: what it says itself if that is one of a graph's, else what the name of its file says, since those
// who send files know few types of RDF.
func partType(part *multipart.Part, name string) (string, *problem) {
	text := part.Header.Get("Content-Type")
	media, params, _ := mime.ParseMediaType(text)
	charset, told := params["charset"]
	if told && !strings.EqualFold(charset, "utf-8") {
		return "", newProblem("unsupported_media_type", "%s: charset %q is not supported; send UTF-8", name, charset)
	}
	if format, known := rdfio.ByMediaType(media); known && slices.Contains(graphTypes, format.MediaType()) {
		return format.MediaType(), nil
	}
	_, compression := rdfio.CutCompression(part.FileName())
	if format, known := rdfio.ByName(part.FileName()); known && format.IsData() && !compression {
		return format.MediaType(), nil
	}
	advice := fmt.Sprintf("send %s, in UTF-8, or a file whose name tells, such as data.ttl", strings.Join(graphTypes, ", "))
	if compression {
		advice = "a file in a form is not decompressed; compress the whole request with Content-Encoding: gzip"
	}
	return "", newProblem("unsupported_media_type", "%s: Content-Type %q is not supported; %s", name, text, advice)
}
