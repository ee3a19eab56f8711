package disk

import (
	"bytes"
	"errors"
	"io"
)

// source gives keys in order.
type source interface {
	// next returns the next key, valid until the next call, and io.EOF behind the last.
	next() ([]byte, error)
}

// head of a source.
type headed struct {
	source
	key   []byte
	piece int
}

// merge calls fn for each key of the sources, in order. Those of several sources come one after another, the lowest source first.
func merge(sources []source, fn func(key []byte, piece int) error) error {
	var heap heads
	for i, s := range sources {
		key, err := s.next()
		if errors.Is(err, io.EOF) {
			continue
		} else if err != nil {
			return err
		}
		heap = append(heap, headed{s, key, i})
	}
	for i := len(heap)/2 - 1; i >= 0; i-- {
		heap.down(i)
	}
	for len(heap) > 0 {
		first := &heap[0]
		if err := fn(first.key, first.piece); err != nil {
			return err
		}
		var err error
		if first.key, err = first.next(); errors.Is(err, io.EOF) {
			heap[0] = heap[len(heap)-1]
			heap = heap[:len(heap)-1]
		} else if err != nil {
			return err
		}
		heap.down(0)
	}
	return nil
}

// heads is a heap, the least first.
type heads []headed

func (h heads) less(i, j int) bool {
	if c := bytes.Compare(h[i].key, h[j].key); c != 0 {
		return c < 0
	}
	return h[i].piece < h[j].piece
}

func (h heads) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h.less(child+1, child) {
			child++
		}
		if !h.less(child, i) {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
