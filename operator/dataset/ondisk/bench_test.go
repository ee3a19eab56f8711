package ondisk_test

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/operator/dataset/ondisk"
	"github.com/quadrille-stream/quadrille/store/disk"
)

// BenchmarkChanges evaluates and commits new values of 5,000 sensors, each in the place of the one before, a thousand changes at a time, with the quads in memory and on a
// disk: the work of one shard, in changes a second of processor time, what is done in the background among it.
func BenchmarkChanges(b *testing.B) {
	const sensors = 5000
	events := make([]event.Event, 400)
	for i := range events {
		rows := []byte("TX .\n")
		for n := i * 500; n < (i+1)*500; n++ {
			rows = fmt.Appendf(rows, "D <http://example.org/observation/%[1]d> <http://www.w3.org/ns/sosa/hasSimpleResult> %[2]d <http://example.org/line/%[3]d> .\n"+
				"A <http://example.org/observation/%[1]d> <http://www.w3.org/ns/sosa/hasSimpleResult> %[4]d <http://example.org/line/%[3]d> .\n",
				n%sensors, n-sensors, n%sensors/100, n)
		}
		events[i] = event.Event{MediaType: dataset.MediaType, Payload: append(rows, "TC .\n"...)}
	}
	for name, logic := range map[string]func(*testing.B) operator.Logic{
		"memory": func(*testing.B) operator.Logic { return dataset.New() },
		"disk": func(b *testing.B) operator.Logic {
			d := ondisk.New(disk.Options{Dir: filepath.Join(b.TempDir(), "0"), Buffer: 16 << 20})
			opened(b, d, "part")
			return d
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				benchChanges(b, logic(b), events)
			}
		})
	}
}

func benchChanges(b *testing.B, l operator.Logic, events []event.Event) {
	before, start, total := processed(), time.Now(), uint64(0)
	var dst []byte
	for i := range events {
		body, adds, deletes, err := l.Evaluate(&events[i], operator.Evaluation{}, dst[:0])
		if err != nil {
			b.Fatal(err)
		}
		if err := l.Commit(uint64(i + 1)); err != nil {
			b.Fatal(err)
		}
		dst, total = body, total+adds+deletes
	}
	if d, is := l.(operator.Durable); is {
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(total)/(processed()-before).Seconds(), "changes/cpu-s")
	b.ReportMetric(float64(total)/time.Since(start).Seconds(), "changes/s")
}

// processed is the processor time of the process.
func processed() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
