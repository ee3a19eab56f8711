// Package verify looks for damage in the logs: in the data folders of nodes that are stopped, in those of all nodes of a
// pipeline while they run, and, for a node that is asked, in its own.
package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

// Folders is the outcome for all folders.
type Folders struct {
	// Good says that nothing is damaged in any of the Folders.
	Good    bool      `json:"good"`
	Folders []*Folder `json:"folders"`
	// Differing are logs that have other records in other folders, Behind such as end before those of another.
	Differing []Difference `json:"differing,omitempty"`
	Behind    []Difference `json:"behind,omitempty"`
}

// Difference is a log of which two folders hold different things.
type Difference struct {
	// Log is the name, Data the folder that it is about, Other the one that it is compared with; What says all.
	Log   string `json:"log"`
	Data  string `json:"data"`
	Other string `json:"other"`
	What  string `json:"what"`
}

// ErrDamaged says that something is damaged.
var ErrDamaged = errors.New("the data are damaged")

// CheckFolders checks the data folders of nodes that are stopped, one after the other, then compares them. What is damaged
// is no error of it, but of the outcome. Progress goes to w, if that is a terminal.
func CheckFolders(ctx context.Context, dirs []string, w io.Writer) (*Folders, error) {
	done := &Folders{}
	var folders []*folderCheck
	for _, dir := range slices.Compact(dirs) {
		f, err := jetstream.OpenFolder(dir)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		check := newFolderCheck(f)
		if err := cmp.Or(check.run(ctx, w), check.missing()); err != nil {
			return nil, fmt.Errorf("verify %s: %w", dir, err)
		}
		folders = append(folders, check)
		done.Folders = append(done.Folders, check.out)
	}
	if err := done.compare(ctx, folders); err != nil {
		return nil, err
	}
	done.Good = done.Err() == nil
	return done, nil
}

// Err is an [ErrDamaged] that tells in how many places something is wrong; nil: all is good.
func (v *Folders) Err() error {
	places := len(v.Differing)
	for _, f := range v.Folders {
		places += len(f.Damages) + f.More
	}
	if places == 0 {
		return nil
	}
	return fmt.Errorf("verify: %w: places: %d", ErrDamaged, places)
}

// compare holds each log of each folder against that of the folder where it is longest.
func (v *Folders) compare(ctx context.Context, folders []*folderCheck) error {
	longest := map[jetstream.LogName]*folderCheck{}
	for _, f := range folders {
		for name, l := range f.logs {
			if best := longest[name]; best == nil || l.Last > best.logs[name].Last {
				longest[name] = f
			}
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(longest), compareLogs) {
		for _, f := range folders {
			if err := v.compareLog(ctx, name, f, longest[name]); err != nil {
				return err
			}
		}
	}
	return v.checkMarks(ctx, folders, longest)
}

// compareLog compares two copies of a log as far as both go. Damaged ones were told of already.
func (v *Folders) compareLog(ctx context.Context, name jetstream.LogName, f, best *folderCheck) error {
	long := best.logs[name]
	short := f.logs[name]
	d := Difference{Log: name.String(), Data: f.out.Data, Other: best.out.Data}
	switch {
	case f == best:
		return nil
	case short == nil:
		d.What = fmt.Sprintf("it is in %s and not in %s", d.Other, d.Data)
		v.Behind = append(v.Behind, d)
		return nil
	case short.damaged || long.damaged:
		return nil
	}
	sum := long.digest()
	if short.Last < long.Last {
		records, s, err := best.upTo(ctx, name, short.Last)
		if err != nil {
			return err
		}
		sum = s
		d.What = fmt.Sprintf("%s is behind %s by %s: it ends at position %d, and not at %d", d.Data, d.Other,
			terminal.Count(long.Records-records, "record"), short.Last, long.Last)
		v.Behind = append(v.Behind, d)
	}
	if sum != short.digest() {
		d.What = fmt.Sprintf("%s and %s hold different records up to position %d", d.Data, d.Other, short.Last)
		v.Differing = append(v.Differing, d)
	}
	return nil
}
