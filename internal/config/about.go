package config

import (
	"fmt"
	"reflect"
)

// About says in a line what an adapter is, and what it promises.
type About struct {
	// What is what it reads or writes, Promise what its messages or deltas have in effect whatever fails meanwhile.
	What, Promise string
}

// described are the settings that say what their adapter is; all do.
type described interface{ about() About }

func (*HTTPSource) about() About {
	return About{"another pipeline, over the HTTP API of its nodes", "once: shard and log position are the identity"}
}

func (*KafkaSource) about() About {
	return About{"topics of Apache Kafka, as a member of a consumer group", "once, in the order of each partition: topic, partition and offset are the identity"}
}

func (*SPARQLSource) about() About {
	return About{"graphs of a store that speaks SPARQL", "the graphs become what they are in the store, however often they are read"}
}

func (*FileSink) about() About {
	return About{"a file of RDF Patch for each shard", "once: the file says how far it is"}
}

func (*KafkaSink) about() About {
	return About{"a topic of Apache Kafka", "once, for those who read what is committed: the position is in the transaction"}
}

func (*SPARQLSink) about() About {
	return About{"a store that speaks SPARQL Update", "once in effect: the position is in the same update"}
}

func (*DeltaSource) about() About {
	return About{"a log of an RDF Delta patch log server", "once, in the order of the log: data source and version are the identity"}
}

func (*FileSource) about() About {
	return About{"files and folders, followed as they grow and are rotated", "once, in the order of each file: the file as it was made, and the place in it, are the identity"}
}

func (*NATSSource) about() About {
	return About{"a stream of NATS JetStream, or subjects of core NATS", "once, in the order of the stream, whose sequence is the identity; core NATS: at most once"}
}

func (*OPCUASource) about() About {
	return About{"variables of an OPC UA server, as documents of JSON, or how its nodes are made, as RDF", "at least once, in the order of each variable; what is not known is said; a structure: the state of a graph"}
}

func (*PollSource) about() About {
	return About{"a document that is asked for again and again over HTTP", "at least once, for each version that is seen"}
}

func (*SSESource) about() About {
	return About{"server-sent events", "once with ids that are numbers, else at least once"}
}

func (*NATSSink) about() About {
	return About{"a stream of NATS JetStream, or subjects of core NATS", "once, in the order of each shard: its last message says how far it is; core NATS: at least once"}
}

func (*OPCUASink) about() About {
	return About{"variables of an OPC UA server", "the newest value of each, at least once"}
}

func (*WebhookSink) about() About {
	return About{"an address that deltas are posted to, signed", "at least once, in the order of each shard"}
}

func (*MQTTSource) about() About {
	return About{"topics of an MQTT broker, Sparkplug B among them", "at least once, in the order of each topic; with qos 0: at most once"}
}

func (*MQTTSink) about() About {
	return About{"topics of an MQTT broker", "at least once, in the order of each shard"}
}

// Connector is a type of sources or sinks.
type Connector struct {
	// Type is its name in a configuration. In: it is one of sources, else of sinks.
	Type string
	In   bool
	About
	// Settings are those of an item of the type, besides its name, and mapping if it is a source.
	Settings []Setting
}

// Setting is one setting of a connector.
type Setting struct {
	Field
	// Required: it has no default.
	Required bool
}

// Connectors returns the types of sources and then those of sinks, each in order of name.
func Connectors() (list []Connector) {
	for _, of := range []struct {
		in    bool
		types map[string]func() any
	}{{true, sourceTypes}, {false, sinkTypes}} {
		for _, kind := range keysOf(of.types) {
			settings := of.types[kind]()
			c := Connector{Type: kind, In: of.in}
			if d, ok := settings.(described); ok {
				c.About = d.about()
			}
			for _, field := range settingsOf(reflect.TypeOf(settings).Elem()) {
				_, required := field.Tag.Lookup("required")
				c.Settings = append(c.Settings, Setting{fieldFrom(field), required})
			}
			list = append(list, c)
		}
	}
	return list
}

// Direction is "in" for a source, "out" for a sink.
func (c Connector) Direction() string {
	if c.In {
		return "in"
	}
	return "out"
}

// String names the type and the direction.
func (c Connector) String() string { return fmt.Sprintf("%s, %s", c.Type, c.Direction()) }
