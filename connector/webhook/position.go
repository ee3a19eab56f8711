package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/connector/internal/filelock"
	"github.com/quadrille-stream/quadrille/engine"
)

// position is how far a shard was delivered, in a file of two slots that are written in turn, each a line with a checksum: so
// one of them is whole, whatever a crash does to the other. It is used by one goroutine.
type position struct {
	file *os.File
	n    uint64 // counts what was written
	at   engine.Mark
}

// slot is the length of one, in bytes.
const slot = 256

// openPosition opens the file of a shard, and keeps it from other processes until it is closed. Without a slot that is whole
// nothing is known.
func openPosition(dir string, shard int) (_ *position, err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, fmt.Sprintf("shard-%04d.position", shard))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if err := filelock.Lock(f); err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	p := &position{file: f}
	text := make([]byte, 2*slot)
	n, _ := f.ReadAt(text, 0) // as much as there is
	for i := 0; i+slot <= n; i += slot {
		if n, at, ok := parseSlot(text[i : i+slot]); ok && n > p.n {
			p.n, p.at = n, at
		}
	}
	if p.n > 0 {
		return p, nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	return p, errors.Join(d.Sync(), d.Close()) // the file's name is durable before anything is delivered
}

// put writes how far the shard was delivered: a crash of the process doesn't lose it.
func (p *position) put(at engine.Mark) error {
	text := slotOf(p.n+1, at)
	if len(text) > slot {
		return fmt.Errorf("the id of a record, %q, is too long", at.ID)
	}
	if _, err := p.file.WriteAt(append(text, bytes.Repeat([]byte{' '}, slot-len(text))...), int64((p.n+1)%2)*slot); err != nil {
		return err
	}
	p.n, p.at = p.n+1, at
	return nil
}

// sync makes what was written durable: a loss of power doesn't lose it.
func (p *position) sync() error { return p.file.Sync() }

func (p *position) close() error { return p.file.Close() }

// slotOf is the text of a slot: its number, position and id of a record, checksum.
func slotOf(n uint64, at engine.Mark) []byte {
	text := fmt.Appendf(nil, "%d %d %s ", n, at.Position, at.ID)
	sum := sha256.Sum256(text)
	return fmt.Appendf(text, "%s\n", hex.EncodeToString(sum[:]))
}

func parseSlot(text []byte) (n uint64, at engine.Mark, ok bool) {
	fields := strings.Split(string(text), " ")
	if len(fields) < 4 {
		return 0, at, false
	}
	n, _ = strconv.ParseUint(fields[0], 10, 64)
	at.Position, _ = strconv.ParseUint(fields[1], 10, 64)
	at.ID = fields[2]
	return n, at, bytes.HasPrefix(text, slotOf(n, at))
}
