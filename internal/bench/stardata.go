package bench

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// starData are the measurements of a plant, each with the same properties: a star. All of it is a function of the two numbers.
type starData struct {
	measurements int
	seed         uint64
}

const (
	// starQuads are those of a measurement.
	starQuads = 10
	// starRare is the number of measurements that have failed, starMany that of the sample at most, starTop that of the largest that are
	// asked for, starLines that of the lines of the plant.
	starRare, starMany, starTop, starLines = 20, 100_000, 10, 20
	// starLeast and StarMost bound the quads: with fewer some lines may have no value that is looked for.
	starLeast, StarMost = 50_000, 100_000_000
)

func newStarData(quads int, seed uint64) *starData {
	return &starData{measurements: (quads + starQuads - 1) / starQuads, seed: seed}
}

// quads is the number of quads.
func (d *starData) quads() int { return d.measurements * starQuads }

// many is the number of measurements in the sample.
func (d *starData) many() int { return min(starMany, d.measurements/2) }

// picked reports whether a measurement is one of n that are spread evenly.
func (d *starData) picked(i, n int) bool { return i*n/d.measurements != (i+1)*n/d.measurements }

const (
	starSensor = "<http://www.w3.org/ns/sosa/madeBySensor>"
	starWhat   = "<http://www.w3.org/ns/sosa/observedProperty>"
	starOf     = "<http://www.w3.org/ns/sosa/hasFeatureOfInterest>"
	starValue  = "<http://www.w3.org/ns/sosa/hasSimpleResult>"
	starTime   = "<http://www.w3.org/ns/sosa/resultTime>"
	starType   = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
	starClass  = "<http://www.w3.org/ns/sosa/Observation>"
	starPlant  = "<https://plant.example/"
	starLine   = starPlant + "ns#line>"
	starState  = starPlant + "ns#state>"
	starGroup  = starPlant + "ns#sample>"
	starOrder  = starPlant + "ns#order>"
	starXSD    = "^^<http://www.w3.org/2001/XMLSchema#"
)

// appendMeasurement appends the rows of a patch that add one.
func (d *starData) appendMeasurement(dst []byte, i int) []byte {
	random := rand.New(rand.NewPCG(d.seed, uint64(i)))
	row := func(predicate, format string, args ...any) {
		dst = append(append(dst, "A "+starPlant+"measurement/"...), strconv.Itoa(i)...)
		dst = append(append(dst, "> "...), predicate...)
		dst = append(fmt.Appendf(append(dst, ' '), format, args...), " .\n"...)
	}
	state := [...]string{"good", "good", "good", "uncertain"}[random.IntN(4)]
	if d.picked(i, starRare) {
		state = "failed"
	}
	sample := 1 + random.IntN(50)
	if d.picked(i, d.many()) {
		sample = 0
	}
	row(starType, starClass)
	row(starSensor, starPlant+"sensor/%d>", random.IntN(5000))
	row(starWhat, starPlant+"property/%d>", random.IntN(8))
	row(starOf, starPlant+"machine/%d>", random.IntN(500))
	row(starLine, starPlant+"line/%d>", random.IntN(starLines))
	row(starValue, `"%d.%d"`+starXSD+"decimal>", random.IntN(10_000), 1+random.IntN(9))
	row(starTime, `"2026-%02d-%02dT%02d:%02d:%02dZ"`+starXSD+"dateTime>", 1+random.IntN(12), 1+random.IntN(28), random.IntN(24), random.IntN(60), random.IntN(60))
	row(starState, starPlant+"state/%s>", state)
	row(starGroup, starPlant+"sample/%d>", sample)
	row(starOrder, `"%d"`+starXSD+"integer>", 1+random.IntN(1_000_000))
	return dst
}

// appendPatch appends the patch that adds measurements from to end-1.
func (d *starData) appendPatch(dst []byte, from, end int) []byte {
	dst = append(dst, "TX .\n"...)
	for i := from; i < end; i++ {
		dst = d.appendMeasurement(dst, i)
	}
	return append(dst, "TC .\n"...)
}

// starQuery is what is asked of the measurements.
type starQuery struct {
	name, text string
	rows       int
	ordered    bool // the order of the rows is one
}

// queries are those that are asked. Numbers are decimal, whose sums are the same in every order.
func (d *starData) queries() []starQuery {
	const columns = starSensor + " ?sensor ; " + starValue + " ?value ; " + starTime + " ?time }"
	const oneOfEight = " ?of " + starWhat + " " + starPlant + "property/3> ; "
	return []starQuery{
		{name: "few", text: "SELECT ?of ?sensor ?value ?time { ?of " + starState + " " + starPlant + "state/failed> ; " + columns, rows: starRare},
		{
			name: "groups", text: "SELECT ?line (COUNT(*) AS ?n) (AVG(?value) AS ?mean) (MAX(?value) AS ?most) {" + oneOfEight + starLine + " ?line ; " +
				starValue + " ?value FILTER(?value > 5000) } GROUP BY ?line", rows: starLines,
		},
		{
			name: "top", text: "SELECT ?of ?sensor ?value ?time {" + oneOfEight + columns +
				" ORDER BY DESC(?value) ?of LIMIT " + strconv.Itoa(starTop), rows: starTop, ordered: true,
		},
		{name: "many", text: "SELECT ?of ?sensor ?value ?time { ?of " + starGroup + " " + starPlant + "sample/0> ; " + columns, rows: d.many()},
	}
}
