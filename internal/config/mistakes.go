package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// maxMistakes bounds the mistakes that are told at one time.
const maxMistakes = 20

// Places says where the document has its value of a key from, as FILE:LINE:COLUMN; empty: from no file. What is wrong with keys of
// which one has a bad value in the file, by [File.Place], isn't told.
type Places func(key string) string

// Mistakes are those of a document, each with its place. They are told all together, so that one run shows what is to be mended;
// beyond 20 they are counted.
type Mistakes struct {
	places Places
	list   []error
	more   int
}

// Add takes in what is wrong with the values of keys, if err isn't nil. A key in braces in its text, such as {engine.data}, is
// written as it is in the file if the value is from one, else as the flag. With one key the text comes after its name.
func (m *Mistakes) Add(err error, keys ...string) {
	if err == nil {
		return
	}
	place := ""
	for _, key := range keys {
		switch at := m.places(key); {
		case at == bad:
			return // that it is bad was told
		case place == "":
			place = at
		}
	}
	err = named(err, place != "")
	if len(keys) == 1 {
		err = fmt.Errorf("%s: %w", nameOf(keys[0], place != ""), err)
	}
	m.AddAt(place, err)
}

// AddAt takes in what is wrong at a place, if err isn't nil; the place may be empty.
func (m *Mistakes) AddAt(place string, err error) {
	switch {
	case err == nil:
		return
	case len(m.list) == maxMistakes:
		m.more++
		return
	case place != "":
		err = fmt.Errorf("%s: %w", place, err)
	}
	m.list = append(m.list, err)
}

// count is how many there are.
func (m *Mistakes) count() int { return len(m.list) + m.more }

// Err is one error with a line for each mistake; nil if there are none.
func (m *Mistakes) Err() error {
	list := m.list
	if m.more > 0 {
		list = append(list, fmt.Errorf("and %d more", m.more))
	}
	return errors.Join(list...)
}

// inBraces is a key in a text.
var inBraces = regexp.MustCompile(`\{[a-z]+\.[a-z-]+\}`)

// named returns an error with the names of the keys that stand in braces.
func named(err error, inFile bool) error {
	if !inBraces.MatchString(err.Error()) {
		return err
	}
	return errors.New(inBraces.ReplaceAllStringFunc(err.Error(), func(key string) string { return nameOf(strings.Trim(key, "{}"), inFile) }))
}

// nameOf is what a key is called where its value is from: in a file, or on the command line.
func nameOf(key string, inFile bool) string {
	for _, f := range Fields() {
		if f.Key == key && !inFile {
			return "--" + f.Flag
		}
	}
	return key
}
