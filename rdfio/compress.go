package rdfio

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is the part of a .zst file that is held to refer back to: what zstd -d takes unless told otherwise.
const maxWindow = 128 << 20

// compression is a way to compress, by the ending of a file's name.
type compression struct {
	suffix string
	// magic is what compressed bytes begin with, any of them; where the name doesn't tell, it does. None is the beginning of
	// a document in any format.
	magic []string
	// how decompresses it outside of this program; "" where that is not needed.
	how string
}

const (
	gzipSuffix  = ".gz"
	zstdSuffix  = ".zst"
	bzip2Suffix = ".bz2"
)

// compressions are those that are known. Of some it is only known that they can't be read.
var compressions = []compression{
	{suffix: gzipSuffix, magic: []string{"\x1f\x8b"}},
	{suffix: zstdSuffix, magic: zstdMagic()},
	{suffix: bzip2Suffix, magic: bzip2Magic()},
	{suffix: ".xz", magic: []string{"\xfd7zXZ\x00"}, how: "xz -dc"},
	{suffix: ".lz4", magic: []string{"\x04\x22\x4d\x18"}, how: "lz4 -dc"},
	{suffix: ".lzma", how: "xz -dc"},
	{suffix: ".br", how: "brotli -dc"},
	{suffix: ".z", magic: []string{"\x1f\x9d"}, how: "gzip -dc"},
	{suffix: ".zip", magic: []string{"PK\x03\x04"}, how: "unzip -p"},
	{suffix: ".7z", magic: []string{"7z\xbc\xaf\x27\x1c"}, how: "7z x -so"},
}

// longestMagic is the length of the longest magic.
const longestMagic = 10

// zstdMagic is that of a frame, and of those that are skipped.
func zstdMagic() []string {
	all := []string{"\x28\xb5\x2f\xfd"}
	for c := range 16 {
		all = append(all, string([]byte{0x50 + byte(c), 0x2a, 0x4d, 0x18}))
	}
	return all
}

// bzip2Magic goes on to that of the first block, or of the end, since "BZh9" may begin a name in Turtle.
func bzip2Magic() []string {
	var all []string
	for level := '1'; level <= '9'; level++ {
		all = append(all, "BZh"+string(level)+"\x31\x41\x59\x26\x53\x59", "BZh"+string(level)+"\x17\x72\x45\x38\x50\x90")
	}
	return all
}

// cutCompression takes the ending of a compression from a name in lower case. c is nil if there is none.
func cutCompression(name string) (rest string, c *compression) {
	for i := range compressions {
		if rest, ok := strings.CutSuffix(name, compressions[i].suffix); ok {
			return rest, &compressions[i]
		}
	}
	return name, nil
}

// CutCompression takes the ending of a compression that can be read from the name of a file, in upper or lower case; compressed
// reports that there is one.
func CutCompression(name string) (rest string, compressed bool) {
	_, c := cutCompression(strings.ToLower(name))
	if c == nil || c.how != "" {
		return name, false
	}
	return name[:len(name)-len(c.suffix)], true
}

// byMagic returns the compression of what r gives, nil if there is none. It waits for no byte more than it needs.
func byMagic(r *bufio.Reader) *compression {
	for n := 1; n <= longestMagic; n++ {
		begin, err := r.Peek(n)
		if err != nil {
			return nil // who reads on gets the error
		}
		more := false
		for i := range compressions {
			for _, magic := range compressions[i].magic {
				if magic == string(begin) {
					return &compressions[i]
				}
				more = more || strings.HasPrefix(magic, string(begin))
			}
		}
		if !more {
			return nil
		}
	}
	return nil
}

// Decompress returns what r holds, decompressed if its first bytes say that it is compressed, or else the name does. It
// starts no goroutine. Who closes the result closes not r.
func Decompress(name string, r io.Reader) (io.ReadCloser, error) {
	b := bufio.NewReader(r) // gzip and bzip2 read byte by byte
	c := byMagic(b)
	if c == nil {
		_, c = cutCompression(strings.ToLower(name))
	}
	switch {
	case c == nil:
		return io.NopCloser(b), nil
	case c.how != "":
		return nil, fmt.Errorf("compressed as %s is, which is not read here; decompress it first: %s", c.suffix, c.how)
	case c.suffix == gzipSuffix:
		return gzip.NewReader(b)
	case c.suffix == bzip2Suffix:
		return io.NopCloser(bzip2.NewReader(b)), nil
	}
	return unzstd(b)
}

func unzstd(b *bufio.Reader) (io.ReadCloser, error) {
	switch _, err := b.Peek(1); {
	case errors.Is(err, io.EOF): // which the decoder takes for no frames
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	}
	d, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return zstdReader{d.IOReadCloser()}, nil
}

// zstdReader says what to do about a window that is too large.
type zstdReader struct{ io.ReadCloser }

func (z zstdReader) Read(p []byte) (int, error) {
	n, err := z.ReadCloser.Read(p)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) {
		err = fmt.Errorf("%w: more than %d bytes; decompress it first: zstd -dc --long=31", err, maxWindow)
	}
	return n, err
}

// Compress returns a writer to w that compresses if the name says so. What was written is with w only after Close,
// which does not close w. A name that stands for a compression which can only be read, or not even that, is an error.
func Compress(name string, w io.Writer) (io.WriteCloser, error) {
	_, c := cutCompression(strings.ToLower(name))
	switch {
	case c == nil:
		return nopCloser{w}, nil
	case c.suffix == gzipSuffix:
		return gzip.NewWriter(w), nil
	case c.suffix == zstdSuffix:
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	return nil, fmt.Errorf("%s: %s is not written here; use %s or %s", name, c.suffix, gzipSuffix, zstdSuffix)
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
