// Package access is who may do what with a node: tokens and their rights, from a file that can be read again.
//
// A file of tokens has one in each line, behind its rights and the name of who has it; # begins a comment:
//
//	read,write  plant    5f0c…                 the token itself, 16 characters or more
//	admin       ops      sha256:9f86d081…      or its SHA-256, in 64 hexadecimal digits, so that nobody learns it from the file
package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
)

// Right is what somebody may do, or several of them.
type Right uint8

// The rights. Who has Admin may do all.
const (
	// Read is to see data, changes and status.
	Read Right = 1 << iota
	// Write is to send changes.
	Write
	// Admin is to have the node do what costs it much, and all else.
	Admin
)

var names = []struct {
	right Right
	name  string
}{{Read, "read"}, {Write, "write"}, {Admin, "admin"}}

// Names are those of the rights in it, the least one first.
func (r Right) Names() (list []string) {
	for _, n := range names {
		if r&n.right != 0 {
			list = append(list, n.name)
		}
	}
	return list
}

// String returns the names, with commas between them.
func (r Right) String() string { return strings.Join(r.Names(), ",") }

// Has reports whether r is enough where need is asked for.
func (r Right) Has(need Right) bool { return r&(need|Admin) != 0 }

// parseRight reads names with commas between them.
func parseRight(text string) (r Right, err error) {
	for name := range strings.SplitSeq(text, ",") {
		before := r
		for _, n := range names {
			if n.name == name {
				r |= n.right
			}
		}
		if r == before {
			return 0, fmt.Errorf("right %q: expected read, write or admin, each once, with commas between them", name)
		}
	}
	return r, nil
}

// Token is what somebody shows, and what for. Of the text itself only the hash is kept.
type Token struct {
	// Name is that of who has it.
	Name string
	// Rights are what it is good for.
	Rights Right

	sum [sha256.Size]byte
}

// MinToken is the least length of a token in bytes.
const MinToken = 16

// NewToken makes a token of its text.
func NewToken(name string, rights Right, text string) (Token, error) {
	if len(text) < MinToken {
		return Token{}, fmt.Errorf("the token has %d characters, expected %d or more, at random; \"openssl rand -hex 16\" makes one",
			len(text), MinToken)
	}
	return Token{Name: name, Rights: rights, sum: sha256.Sum256([]byte(text))}, nil
}

const (
	// maxFile bounds a file of tokens, in bytes.
	maxFile = 1 << 20
	// hashed begins the hash of a token.
	hashed = "sha256:"
)

// ReadFile reads a file of tokens, of which there must be one at least. Errors name file and line.
func ReadFile(path string) ([]Token, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 && runtime.GOOS != "windows" { // which has no such modes
		return nil, fmt.Errorf("tokens: %s is open to everybody (mode %04o): chmod 600 it, or 640 for a group", path, mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("tokens: %w", err)
	case len(text) > maxFile:
		return nil, fmt.Errorf("tokens: %s is too large: at most %d bytes are read", path, maxFile)
	}
	return parse(path, string(text))
}

// parse reads the text of a file.
func parse(path, text string) (list []Token, err error) {
	seen := map[any]int{} // names and hashes, with their lines
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		t, err := parseLine(fields)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		for what, key := range map[string]any{"name": t.Name, "token": t.sum} {
			if before := seen[key]; before != 0 {
				return nil, fmt.Errorf("%s:%d: the %s is that of line %d", path, number, what, before)
			}
			seen[key] = number
		}
		list = append(list, t)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: there is no token in it", path)
	}
	return list, nil
}

// tokenName is what who has a token may be called.
var tokenName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func parseLine(fields []string) (t Token, err error) {
	if len(fields) != 3 {
		return t, errors.New("expected RIGHTS NAME TOKEN, such as: read,write plant 0123456789abcdef")
	}
	rights, err := parseRight(fields[0])
	if err != nil {
		return t, err
	}
	if !tokenName.MatchString(fields[1]) {
		return t, fmt.Errorf("name %q: expected 1 to 64 letters, digits, '.', '_' and '-'", fields[1])
	}
	digits, isHash := strings.CutPrefix(fields[2], hashed)
	if !isHash {
		return NewToken(fields[1], rights, fields[2])
	}
	sum, err := hex.DecodeString(digits)
	if err != nil || len(sum) != sha256.Size {
		return t, fmt.Errorf("expected %s and %d hexadecimal digits", hashed, 2*sha256.Size)
	}
	return Token{Name: fields[1], Rights: rights, sum: [sha256.Size]byte(sum)}, nil
}

// Tokens are those that a node takes. All methods may be called concurrently.
type Tokens struct{ list atomic.Pointer[[]Token] }

// NewTokens returns a set of tokens.
func NewTokens(list ...Token) *Tokens {
	t := new(Tokens)
	t.Replace(list)
	return t
}

// Replace takes these tokens from now on, and no others.
func (t *Tokens) Replace(list []Token) { t.list.Store(&list) }

// Find returns the token with the text. How long it takes says nothing about the tokens that there are.
func (t *Tokens) Find(text string) (found Token, ok bool) {
	sum := sha256.Sum256([]byte(text)) // of equal length
	for _, known := range *t.list.Load() {
		if subtle.ConstantTimeCompare(sum[:], known.sum[:]) == 1 {
			found, ok = known, true
		}
	}
	return found, ok
}
