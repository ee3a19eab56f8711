// Package factory makes the changes of a factory's sensors, says what they must come to, measures how a cluster accepts
// them, and checks what it has made of them.
//
// Each sensor has one observation (SOSA/SSN) that is kept up to date: a new value comes in and the old one goes out, so
// that the order of a sensor's changes matters. Every change that is ever made is different from every other, so that
// each can be counted in the logs. All of it is a function of the number of changes alone.
package factory

import (
	"fmt"
	"iter"
	"strconv"
	"time"
)

const (
	// setupRows are the rows that a sensor begins with, updateRows those of each new value after that.
	setupRows  = 5
	updateRows = 4
	// rowsPerSensor is about how many rows a sensor has, and maxSensors bounds their number.
	rowsPerSensor = 25
	maxSensors    = 5000
	sensorsOnLine = 50
)

const (
	rdfType    = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
	sosa       = "<http://www.w3.org/ns/sosa/"
	xsd        = "<http://www.w3.org/2001/XMLSchema#"
	plant      = "<https://plant.example/"
	resultOf   = sosa + "hasSimpleResult>"
	resultTime = sosa + "resultTime>"
)

// Model is a factory whose sensors make a given number of changes. It is immutable.
type Model struct {
	// rows is the number of changes of each sensor.
	rows []int
}

// New returns the model with so many changes, at least one.
func New(changes int) *Model {
	changes = max(changes, 1)
	n := min(max(changes/rowsPerSensor, 1), maxSensors)
	m := &Model{rows: make([]int, n)}
	updates := max(changes-n*setupRows, 0) / updateRows
	left := changes
	for i := range m.rows {
		steps := updates / n
		if i < updates%n {
			steps++
		}
		m.rows[i] = min(setupRows+steps*updateRows, left)
		left -= m.rows[i]
	}
	m.rows[0] += left // the last one is then half an update
	return m
}

// Changes is the number of changes.
func (m *Model) Changes() int {
	n := 0
	for _, rows := range m.rows {
		n += rows
	}
	return n
}

// Sensors is the number of sensors.
func (m *Model) Sensors() int { return len(m.rows) }

// Quads is how many a sensor has whose first request was carried out, after each whole request but the last of all.
const Quads = setupRows

// Subject is the IRI that all quads of a sensor are about, in angle brackets.
func (m *Model) Subject(sensor int) string { return string(appendSubject(nil, sensor)) }

func appendSubject(dst []byte, sensor int) []byte {
	dst = append(append(dst, plant...), "observation/"...)
	return append(strconv.AppendInt(dst, int64(sensor), 10), '>')
}

// Expected yields the quads that are there when all changes were made, as N-Quads lines without line ends. It computes
// them from the number of each sensor's changes, not from the changes.
func (m *Model) Expected() iter.Seq[string] {
	return func(yield func(string) bool) {
		var buf []byte
		for sensor, rows := range m.rows {
			for _, object := range final(rows) {
				buf = appendQuad(buf[:0], sensor, object)
				if !yield(string(buf)) {
					return
				}
			}
		}
	}
}

// object says which statement about a sensor: the predicate by its place in the setup, and the update that made it.
type object struct{ predicate, update int }

const (
	value = 3
	at    = 4
)

// final lists what a sensor has after so many rows.
func final(rows int) []object {
	var list []object
	for predicate := range min(rows, value) {
		list = append(list, object{predicate, 0})
	}
	if rows < setupRows {
		if rows > value {
			list = append(list, object{value, 0})
		}
		return list
	}
	update, part := (rows-setupRows)/updateRows, (rows-setupRows)%updateRows
	switch part { // rows of the next update that were made
	case 0:
		return append(list, object{value, update}, object{at, update})
	case 1:
		return append(list, object{at, update})
	case 2:
		return append(list, object{value, update + 1}, object{at, update})
	default:
		return append(list, object{value, update + 1})
	}
}

// appendRows appends a sensor's rows from..to, which are those of one step, as RDF Patch.
func appendRows(dst []byte, sensor, from, to int) []byte {
	for row := from; row < to; row++ {
		code, what := "A ", object{row, 0}
		if row >= setupRows {
			update := (row - setupRows) / updateRows
			switch (row - setupRows) % updateRows {
			case 0:
				code, what = "D ", object{value, update}
			case 1:
				what = object{value, update + 1}
			case 2:
				code, what = "D ", object{at, update}
			case 3:
				what = object{at, update + 1}
			}
		}
		dst = append(appendQuad(append(dst, code...), sensor, what), '\n')
	}
	return dst
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// appendQuad appends the statement as a line of canonical N-Quads, without its line end.
func appendQuad(dst []byte, sensor int, what object) []byte {
	dst = append(appendSubject(dst, sensor), ' ')
	switch what.predicate {
	case 0:
		dst = append(dst, rdfType+" "+sosa+"Observation>"...)
	case 1:
		dst = append(dst, sosa+"madeBySensor> "+plant+"sensor/"...)
		dst = append(strconv.AppendInt(dst, int64(sensor), 10), '>')
	case 2:
		dst = append(dst, sosa+"observedProperty> "+plant+"temperature>"...)
	case value:
		// The fraction counts, so that no value of a sensor comes twice.
		dst = append(dst, resultOf+` "`...)
		dst = strconv.AppendInt(dst, int64(20+(7*sensor+3*what.update)%10), 10)
		dst = fmt.Appendf(dst, ".%06d", what.update+1)
		dst = append(dst, `"^^`+xsd+"decimal>"...)
	case at:
		dst = append(dst, resultTime+` "`...)
		dst = epoch.Add(time.Duration(what.update)*time.Second).AppendFormat(dst, time.RFC3339)
		dst = append(dst, `"^^`+xsd+"dateTime>"...)
	}
	dst = append(append(dst, ' '), plant...)
	dst = strconv.AppendInt(append(dst, "line/"...), int64(sensor/sensorsOnLine), 10)
	return append(dst, "> ."...)
}

// Sender yields the changes of some of the sensors, request by request: one of several, each of which has sensors of
// its own and sends one request after the other, so that each sensor's order is kept. It is used by one goroutine.
type Sender struct {
	m       *Model
	sensors []int
	made    []int // rows of each that were made
	at      int   // index of the next sensor
	batch   int
}

// Sender returns the sender number i of n, whose requests have about batch rows.
func (m *Model) Sender(i, n, batch int) *Sender {
	s := &Sender{m: m, batch: max(batch, 1)}
	for sensor := i; sensor < len(m.rows); sensor += n {
		s.sensors = append(s.sensors, sensor)
	}
	s.made = make([]int, len(s.sensors))
	return s
}

// Next appends the next request, an RDF Patch of one transaction, to dst and returns it with its number of rows; 0 rows
// say that there is no more. No sensor comes twice in a request.
func (s *Sender) Next(dst []byte) ([]byte, int) {
	dst = append(dst, "TX .\n"...)
	rows := 0
	for range s.sensors {
		if rows >= s.batch {
			break
		}
		from := s.made[s.at]
		to := min(from+updateRows, s.m.rows[s.sensors[s.at]])
		if from == 0 {
			to = min(setupRows, s.m.rows[s.sensors[s.at]])
		}
		dst = appendRows(dst, s.sensors[s.at], from, to)
		rows += to - from
		s.made[s.at] = to
		s.at = (s.at + 1) % len(s.sensors)
	}
	return append(dst, "TC .\n"...), rows
}
