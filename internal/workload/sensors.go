package workload

import (
	"fmt"
	"io"
)

const sensors = "http://sensors.example/"

// WriteSensors writes about so many triples of observations: four of each, by one of a thousand sensors.
func WriteSensors(to io.Writer, triples int, seed uint64) error {
	w := newWriter(to, sensors, seed, sizes{"sensor": 1000})
	for i := range triples / 4 {
		o := fmt.Sprint("observation/", i)
		w.link(o, "by", w.some("sensor"))
		w.triple(o, "value", typed(fmt.Sprintf("%d.%d", w.IntN(97), w.IntN(10)), "decimal"))
		w.triple(o, "at", typed(w.moment(), "dateTime"))
		w.link(o, "state", [...]string{"good", "bad", "uncertain"}[w.skewed(3)])
	}
	return w.w.Flush()
}
