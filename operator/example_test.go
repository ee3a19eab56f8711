package operator_test

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

// A logic that adds up numbers: what an event puts into the log is a line, and the state is the sum of the lines.
func ExampleFold() {
	sum := 0
	logic := operator.Fold(func(ev *event.Event, dst []byte) ([]byte, error) {
		if _, err := strconv.Atoi(string(ev.Payload)); err != nil {
			return dst, err
		}
		return append(append(dst, ev.Payload...), '\n'), nil
	}, func(body []byte) error {
		for line := range bytes.Lines(body) {
			n, err := strconv.Atoi(string(bytes.TrimSpace(line)))
			if err != nil {
				return err
			}
			sum += n
		}
		return nil
	})
	body, _, _, err := logic.Evaluate(&event.Event{Payload: []byte("40")}, operator.Evaluation{}, nil)
	fmt.Printf("%q %v\n", body, err)
	fmt.Println(logic.Commit(1), sum)
	fmt.Println(logic.Apply(2, []byte("2\n")), sum) // what another owner has logged
	_, _, _, err = logic.Evaluate(&event.Event{Payload: []byte("many")}, operator.Evaluation{}, nil)
	fmt.Println(err)
	// Output:
	// "40\n" <nil>
	// <nil> 40
	// <nil> 42
	// strconv.Atoi: parsing "many": invalid syntax
}

// A record is an RDF Patch whose id is the hash of what comes after it.
func ExampleRecord() {
	r := operator.Record{Kind: operator.Delta, Shard: 3, Writer: operator.Writer{Epoch: 7, Node: "n1", Incarnation: 5},
		Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Body: []byte("TX .\nA <urn:s> <urn:p> <urn:o> .\nTC .\n")}
	text := r.Encode(nil)
	fmt.Printf("%s", text)
	again, err := operator.Decode(text)
	fmt.Println(again.ID == r.ID, err)
	text[len(text)-10] ^= 1
	_, err = operator.Decode(text)
	fmt.Println(err != nil)
	// Output:
	// H id <ni:///sha-256;Qb9niycd4DoVxphIk1fhWbsw9UOgLrDoK_JShoLWN9k> .
	// H kind "delta" .
	// H shard "3" .
	// H epoch "7" .
	// H node "n1" .
	// H incarnation "5" .
	// H time "2026-01-02T03:04:05Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> .
	// H length "38" .
	// TX .
	// A <urn:s> <urn:p> <urn:o> .
	// TC .
	// true <nil>
	// true
}
