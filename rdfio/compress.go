package rdfio

import (
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is the part of a .zst file that is held to refer back to, more than any usual level has.
const maxWindow = 64 << 20

// cutCompression takes the ending of a compression from a name in lower case.
func cutCompression(name string) (rest, compression string) {
	for _, compression := range []string{".gz", ".zst"} {
		if rest, ok := strings.CutSuffix(name, compression); ok {
			return rest, compression
		}
	}
	return name, ""
}

// Decompress returns what r holds, decompressed if the name says that it is compressed. It starts no goroutine. Who
// closes the result closes not r.
func Decompress(name string, r io.Reader) (io.ReadCloser, error) {
	switch _, compression := cutCompression(strings.ToLower(name)); compression {
	case ".gz":
		return gzip.NewReader(r)
	case ".zst":
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

// Compress returns a writer to w that compresses if the name says so. What was written is with w only after Close,
// which does not close w.
func Compress(name string, w io.Writer) (io.WriteCloser, error) {
	switch _, compression := cutCompression(strings.ToLower(name)); compression {
	case ".gz":
		return gzip.NewWriter(w), nil
	case ".zst":
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	return nopCloser{w}, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
