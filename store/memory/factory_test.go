package memory_test

import (
	"strconv"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// The data of these tests are those of the demo: a factory whose sensors each have one observation (SOSA/SSN) of five
// statements, of which value and time are replaced again and again.
const (
	sosa  = "<http://www.w3.org/ns/sosa/"
	xsd   = "<http://www.w3.org/2001/XMLSchema#"
	plant = "<https://plant.example/"

	// statements is the number of quads of a sensor.
	statements = 5
	// sensorsOnLine is the number of sensors that share a graph.
	sensorsOnLine = 50
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// statement makes the quad number i of a sensor after some updates. It uses buf, and returns it for the next one.
func statement(buf []byte, sensor, i, update int) (rdf.Quad, []byte) {
	number := strconv.Itoa(sensor)
	buf = append(append(append(buf[:0], plant+"observation/"...), number...), '>')
	s := len(buf)
	switch i {
	case 0:
		buf = append(buf, "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"+sosa+"Observation>"...)
	case 1:
		buf = append(append(append(buf, sosa+"madeBySensor>"+plant+"sensor/"...), number...), '>')
	case 2:
		buf = append(buf, sosa+"observedProperty>"+plant+"temperature>"...)
	case 3: // no two sensors have the same value at once: the worst for the dictionary
		buf = strconv.AppendInt(append(buf, sosa+`hasSimpleResult>"`...), int64(20+(7*sensor+3*update)%10), 10)
		buf = strconv.AppendInt(append(buf, '.'), int64(10_000_000+131*sensor+update), 10)
		buf = append(buf, `"^^`+xsd+"decimal>"...)
	case 4:
		at := epoch.Add(time.Duration(update) * time.Second)
		buf = append(at.AppendFormat(append(buf, sosa+`resultTime>"`...), time.RFC3339), `"^^`+xsd+"dateTime>"...)
	}
	p := s
	for buf[p] != '>' {
		p++
	}
	p++
	o := len(buf)
	buf = append(strconv.AppendInt(append(buf, plant+"line/"...), int64(sensor/sensorsOnLine), 10), '>')
	text := string(buf)
	quad := rdf.Quad{S: rdf.Trusted(text[:s]), P: rdf.Trusted(text[s:p])}
	quad.O, quad.G = rdf.Trusted(text[p:o]), rdf.Trusted(text[o:])
	return quad, buf
}

// batch is the number of changes of a transaction.
const batch = 256

// fill adds the first quads of a factory.
func fill(m *memory.Store, n int) {
	var buf []byte
	var quad rdf.Quad
	tx := m.Begin()
	for i := range n {
		quad, buf = statement(buf, i/statements, i%statements, i/statements%3600)
		tx.Add(quad)
		if i%batch == batch-1 {
			tx.Commit(uint64(i), nil)
			tx = m.Begin()
		}
	}
	tx.Commit(uint64(n), nil)
}

// update is what a sensor sends: four changes.
type update [4]rdf.Quad // old value, new value, old time, new time

func apply(tx store.Tx, u *update) int {
	did := func(changed bool, err error) bool { return changed && err == nil }
	n := 0
	for i := range u {
		if i%2 == 0 && did(tx.Delete(u[i])) || i%2 == 1 && did(tx.Add(u[i])) {
			n++
		}
	}
	return n
}

// updates makes so many updates of each sensor after the first ones, in turn.
func updates(sensors, each int) []update {
	list := make([]update, 0, sensors*each)
	for k := range each {
		for sensor := range sensors {
			var u update
			for i := range u {
				u[i], _ = statement(nil, sensor, 3+i/2, sensor%3600+k+i%2)
			}
			list = append(list, u)
		}
	}
	return list
}
