// Package sparkplug is what a host application of Sparkplug B makes of messages: documents of JSON with names, types and values,
// from births with aliases, data and deaths (Sparkplug 3.0, the namespace spBv1.0). It is pure: topics and payloads go in, with the
// time, and documents come out, and whom to ask for a rebirth.
//
// A document is an object with group, node, device (not for messages of a node), type, timestamp and seq (where there are such),
// and metrics: each has name, alias (if given), datatype, timestamp (ms since 1970, that of the message if it has none of its
// own), value, properties (an object, if there are any), historical, transient, and stale. A death has each metric that the birth
// named, with stale true and no value. implied is true in the death of a device that nobody told of: its node has died, or was born
// again.
//
// Values: integers as they are, DateTime in ms since 1970; numbers with a point, NaN, INF and -INF as strings; Bytes and File in
// base64; a DataSet as {columns, types, rows}; a Template as {ref, version, definition, metrics, parameters}; arrays as arrays.
package sparkplug

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Host knows the births of edge nodes and their devices. It is used by one goroutine.
//
// This is what comes of a message in each state of its edge node. A death that a node has left behind for the birth before
// (another bdSeq) is ignored. What is told by itself has name and datatype at each metric. A rebirth
// is asked for with each message that can be read and after which the node is not born, but for NDEATH: so with those of devices,
// with an NBIRTH that is refused, and with a gap; not sooner than Config.Pause after the last time.
//
//	message             unknown                  born                                      dead
//	NBIRTH              born                     born; devices die                         born
//	NDEATH              dead, no metric          dead, all metrics stale; devices die      dead, no metric
//	NDATA, DBIRTH,      an error, or what is     a document; behind a gap unknown,         as unknown
//	DDATA, DDEATH       told by itself           and then as there
type Host struct {
	cfg   Config
	nodes map[string]*node // by GROUP/NODE
	known int              // bytes of what is known, about
}

// Config configures a [Host].
type Config struct {
	// Pause is the least time between two requests for a rebirth to one edge node. Default 5 s.
	Pause time.Duration
	// MaxKnown bounds the bytes of what is known of births, about; what goes beyond is an error. Default 256 MiB.
	MaxKnown int
}

// node is an edge node.
type node struct {
	born    bool
	bdSeq   *uint64 // of its birth
	seq     uint8   // of the next message
	metrics catalog
	devices map[string]*catalog // those that are born
	asked   time.Time           // when a rebirth was asked for
}

// catalog is what a birth has named.
type catalog struct {
	names   []string
	types   []uint32 // of the names
	byName  map[string]int
	byAlias map[uint64]int
	size    int // bytes, about
}

// Result is what comes of a message.
type Result struct {
	// Documents are of JSON, one or several; empty: there is nothing to say.
	Documents []byte
	// Ask is the topic for a request for a rebirth, whose payload is [Rebirth]; empty: none is due.
	Ask string
}

// ErrUnborn: a message builds on a birth that is not known. A rebirth brings what it was about.
var ErrUnborn = errors.New("its birth is not known; a rebirth is asked for")

// New returns a host that knows nothing.
func New(cfg Config) *Host {
	if cfg.Pause == 0 {
		cfg.Pause = 5 * time.Second
	}
	if cfg.MaxKnown == 0 {
		cfg.MaxKnown = 256 << 20
	}
	return &Host{cfg: cfg, nodes: map[string]*node{}}
}

// Rebirth is the payload of a request.
func Rebirth(now time.Time) []byte { return rebirth(uint64(now.UnixMilli())) }

// Nodes are the topics for requests to all edge nodes that were heard of.
func (h *Host) Nodes() (list []string) {
	for _, key := range slices.Sorted(maps.Keys(h.nodes)) {
		list = append(list, command(key))
	}
	return list
}

// command is the topic for commands to an edge node.
func command(key string) string {
	group, name, _ := strings.Cut(key, "/")
	return namespace + group + "/NCMD/" + name
}

// namespace is the beginning of all topics of Sparkplug B.
const namespace = "spBv1.0/"

// message is one that was taken in.
type message struct {
	group, node, device string
	kind                string
	*payload
}

// Take takes in a message. The error says why it is none, or can't be understood; the result may ask for a rebirth all the same.
func (h *Host) Take(topic string, body []byte, now time.Time) (Result, error) {
	m, err := parseTopic(topic)
	if m == nil || err != nil {
		return Result{}, err
	}
	if m.payload, err = decode(body); err != nil {
		return Result{}, err
	}
	key := m.group + "/" + m.node
	n := h.nodes[key]
	if n == nil {
		if h.known > h.cfg.MaxKnown {
			return Result{}, fmt.Errorf("the births take more than %d bytes", h.cfg.MaxKnown)
		}
		n = &node{devices: map[string]*catalog{}}
		h.nodes[key] = n
		h.known += len(key) + perNode
	}
	var docs []byte
	switch m.kind {
	case "NBIRTH":
		docs, err = h.born(n, m)
	case "NDEATH":
		docs = h.died(n, m)
	default:
		docs, err = h.live(n, m)
	}
	result := Result{Documents: docs}
	if !n.born && m.kind != "NDEATH" && (n.asked.IsZero() || now.Sub(n.asked) >= h.cfg.Pause) {
		n.asked, result.Ask = now, command(key)
	}
	if err != nil {
		result.Documents = nil
	}
	return result, err
}

// perNode and perName are what an edge node, and a metric's name, take besides their texts, about.
const (
	perNode = 300
	perName = 150
)

// parseTopic takes a topic apart; nil: it is none of what a host reads.
func parseTopic(topic string) (*message, error) {
	rest, ours := strings.CutPrefix(topic, namespace)
	parts := strings.Split(rest, "/")
	if !ours || parts[0] == "STATE" {
		return nil, nil
	}
	if len(parts) < 3 || len(parts) > 4 || slices.Contains(parts, "") {
		return nil, errTopic(topic)
	}
	m := &message{group: parts[0], kind: parts[1], node: parts[2]}
	if len(parts) == 4 {
		m.device = parts[3]
	}
	switch m.kind {
	case "NCMD", "DCMD":
		return nil, nil
	case "NBIRTH", "NDATA", "NDEATH":
		if m.device != "" {
			return nil, errTopic(topic)
		}
	case "DBIRTH", "DDATA", "DDEATH":
		if m.device == "" {
			return nil, errTopic(topic)
		}
	default:
		return nil, errTopic(topic)
	}
	return m, nil
}

// errTopic: a topic is none of Sparkplug B, though it begins like one.
func errTopic(topic string) error { return fmt.Errorf("topic %.200q is none of Sparkplug B", topic) }

// bdSeq is the number that ties a death to its birth.
func (m *message) bdSeq() *uint64 {
	for i := range m.metrics {
		if name := m.metrics[i].name; name != nil && *name == "bdSeq" && !m.metrics[i].value.null {
			return &m.metrics[i].value.bits
		}
	}
	return nil
}

// forget forgets what is known of a node: the next messages need a birth.
func (h *Host) forget(n *node) {
	h.known -= n.metrics.size
	for _, device := range n.devices {
		h.known -= device.size
	}
	n.born, n.bdSeq, n.metrics, n.devices = false, nil, catalog{}, map[string]*catalog{}
}

// born takes in the birth of a node. Its devices are born after it.
func (h *Host) born(n *node, m *message) ([]byte, error) {
	c, err := h.catalog(m)
	if err == nil && (m.seq == nil || *m.seq > 255) {
		err = errSeq
	}
	docs := n.devicesDie(nil, m)
	if err == nil {
		docs, err = m.document(docs, c)
	}
	h.forget(n)
	if err != nil {
		return nil, err
	}
	n.born, n.bdSeq, n.metrics, n.seq = true, m.bdSeq(), *c, uint8(*m.seq)+1
	h.known += c.size
	return docs, nil
}

// errSeq: a message of an edge node has one.
var errSeq = errors.New("it has no sequence number from 0 to 255")

// died takes in the death of a node.
func (h *Host) died(n *node, m *message) []byte {
	if bdSeq := m.bdSeq(); n.born && n.bdSeq != nil && bdSeq != nil && *bdSeq != *n.bdSeq {
		return nil // of the connection before
	}
	docs := m.death(nil, &n.metrics, false)
	docs = n.devicesDie(docs, m)
	h.forget(n)
	return docs
}

// devicesDie makes the deaths of the devices that are alive.
func (n *node) devicesDie(docs []byte, m *message) []byte {
	for _, name := range slices.Sorted(maps.Keys(n.devices)) {
		death := &message{group: m.group, node: m.node, device: name, kind: "DDEATH", payload: &payload{timestamp: m.timestamp}}
		docs = death.death(docs, n.devices[name], true)
	}
	return docs
}

// live takes in a message of a node that should be born.
func (h *Host) live(n *node, m *message) (docs []byte, err error) {
	if m.seq == nil || *m.seq > 255 {
		return nil, errSeq
	}
	if n.born && n.seq != uint8(*m.seq) { // what was lost may have been a birth with other aliases
		h.forget(n)
	}
	n.seq = uint8(*m.seq) + 1
	switch m.kind {
	case "NDATA":
		docs, err = m.data(n, &n.metrics)
	case "DDATA":
		docs, err = m.data(n, n.devices[m.device])
	case "DBIRTH":
		return h.deviceBorn(n, m)
	case "DDEATH":
		return h.deviceDied(n, m), nil
	}
	if errors.Is(err, ErrUnborn) && n.born { // nothing is missing, and yet it doesn't fit
		h.forget(n)
	}
	return docs, err
}

// deviceDied takes in the death of a device.
func (h *Host) deviceDied(n *node, m *message) []byte {
	device := n.devices[m.device]
	if device == nil {
		device = &catalog{}
	}
	h.known -= device.size
	delete(n.devices, m.device)
	return m.death(nil, device, false)
}

// deviceBorn takes in the birth of a device. It is understood by itself; but its node must be born for what comes after it.
func (h *Host) deviceBorn(n *node, m *message) ([]byte, error) {
	c, err := h.catalog(m)
	if err != nil {
		return nil, err
	}
	docs, err := m.document(nil, c)
	if err == nil && n.born {
		if before := n.devices[m.device]; before != nil {
			h.known -= before.size
		}
		n.devices[m.device] = c
		h.known += c.size
	}
	return docs, err
}

// catalog makes one of a birth.
func (h *Host) catalog(m *message) (*catalog, error) {
	c := &catalog{byName: map[string]int{}, byAlias: map[uint64]int{}}
	for i := range m.metrics {
		metric := &m.metrics[i]
		if metric.name == nil || metric.datatype == 0 {
			return nil, errors.New("a metric of a birth has no name, or no datatype")
		}
		if _, twice := c.byName[*metric.name]; twice {
			return nil, fmt.Errorf("metric %.100q comes twice in a birth", *metric.name)
		}
		c.byName[*metric.name] = len(c.names)
		if metric.alias != nil {
			if _, twice := c.byAlias[*metric.alias]; twice {
				return nil, fmt.Errorf("alias %d comes twice in a birth", *metric.alias)
			}
			c.byAlias[*metric.alias] = len(c.names)
		}
		c.names, c.types, c.size = append(c.names, *metric.name), append(c.types, metric.datatype), c.size+len(*metric.name)+perName
	}
	if h.known+c.size > h.cfg.MaxKnown {
		return nil, fmt.Errorf("the births take more than %d bytes", h.cfg.MaxKnown)
	}
	return c, nil
}

// data makes the document of data. c is nil if the device is not born.
func (m *message) data(n *node, c *catalog) ([]byte, error) {
	if !n.born || c == nil {
		for i := range m.metrics {
			if m.metrics[i].name == nil || m.metrics[i].datatype == 0 {
				return nil, ErrUnborn
			}
		}
		c = &catalog{}
	}
	return m.document(nil, c)
}

// begin begins a document, up to its metrics.
func (m *message) begin(b []byte) []byte {
	if len(b) > 0 {
		b = append(b, '\n')
	}
	b = text(append(b, `{"group":`...), m.group)
	b = text(append(b, `,"node":`...), m.node)
	if m.device != "" {
		b = text(append(b, `,"device":`...), m.device)
	}
	b = text(append(b, `,"type":`...), m.kind)
	if m.timestamp != nil {
		b = strconv.AppendUint(append(b, `,"timestamp":`...), *m.timestamp, 10)
	}
	if m.seq != nil {
		b = strconv.AppendUint(append(b, `,"seq":`...), *m.seq, 10)
	}
	return b
}

// document makes the document of a birth or of data.
func (m *message) document(b []byte, c *catalog) ([]byte, error) {
	b = append(m.begin(b), `,"metrics":`...)
	b, err := list(b, len(m.metrics), func(b []byte, i int) ([]byte, error) {
		metric := &m.metrics[i]
		name, datatype, err := c.resolve(metric)
		if err != nil {
			return b, err
		}
		return metric.append(b, name, datatype, m.timestamp)
	})
	return append(b, '}'), err
}

// resolve finds name and datatype of a metric.
func (c *catalog) resolve(m *metric) (name string, datatype uint32, err error) {
	var at int
	var known bool
	switch {
	case m.name != nil:
		name = *m.name
		at, known = c.byName[name]
	case m.alias != nil:
		if at, known = c.byAlias[*m.alias]; !known {
			return "", 0, fmt.Errorf("%w: alias %d is none that is known", ErrUnborn, *m.alias)
		}
		name = c.names[at]
	default:
		return "", 0, errors.New("a metric has neither name nor alias")
	}
	datatype = m.datatype
	if datatype == 0 && known {
		datatype = c.types[at]
	}
	if datatype == 0 {
		return "", 0, fmt.Errorf("%w: metric %.100q has no datatype", ErrUnborn, name)
	}
	return name, datatype, nil
}

// death makes a document in which all metrics that were known are stale.
func (m *message) death(b []byte, c *catalog, implied bool) []byte {
	b = m.begin(b)
	if implied {
		b = append(b, `,"implied":true`...)
	}
	b = append(b, `,"metrics":`...)
	b, _ = list(b, len(c.names), func(b []byte, i int) ([]byte, error) {
		b = text(append(b, `{"name":`...), c.names[i])
		b = text(append(b, `,"datatype":`...), typeName(c.types[i]))
		if m.timestamp != nil {
			b = strconv.AppendUint(append(b, `,"timestamp":`...), *m.timestamp, 10)
		}
		return append(b, `,"historical":false,"transient":false,"stale":true}`...), nil
	})
	return append(b, '}')
}
