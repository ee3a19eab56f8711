package config

import "time"

// MQTTConnection says how a broker is reached.
type MQTTConnection struct {
	Address  string `yaml:"address" required:"" placeholder:"HOST:PORT" help:"Address of the broker."`
	Protocol string `yaml:"protocol" enum:"5,3.1.1" default:"5" help:"Version of MQTT (${enum})."`
	TLS      bool   `yaml:"tls" default:"true" help:"Encrypt, and check the broker's certificate."`
	TLSFiles
	User      string        `yaml:"user" placeholder:"NAME" help:"User."`
	Password  Secret        `yaml:"password" placeholder:"PASSWORD" help:"The user's password. It needs tls, or a broker on loopback."`
	ClientID  string        `yaml:"client-id" placeholder:"ID" help:"Name of the session, of this source or sink alone; of a sink with the shard's number behind it. Default: PIPELINE.NAME."`
	KeepAlive time.Duration `yaml:"keep-alive" default:"30s" help:"Time within which broker and client must hear of each other: the broker is asked twice in it whether it is there. After half as much more the connection is given up, by either side."`
	QoS       int           `yaml:"qos" default:"1" help:"Quality of service: 0, 1 or 2."`
}

// MQTTSource reads topics of an MQTT broker.
type MQTTSource struct {
	MQTTConnection
	Topics         []string      `yaml:"topics" required:"" placeholder:"FILTER" help:"Topics that are read: + is any level, # any number of them at the end, $share/GROUP/FILTER shares them with others."`
	Retained       string        `yaml:"retained" enum:"take,ignore" default:"take" help:"What becomes of messages that the broker has retained (${enum}): take reads them when the subscription is new."`
	SessionExpiry  time.Duration `yaml:"session-expiry" default:"168h" help:"How long the broker keeps what comes while nobody reads; MQTT 5 alone."`
	ReceiveMaximum int           `yaml:"receive-maximum" default:"20000" help:"Messages that the broker sends before the first of them is committed; MQTT 5 alone."`
	Format         string        `yaml:"format" placeholder:"MEDIA TYPE" default:"application/rdf-patch" help:"Media type of messages that have no content type; or sparkplug: they are Sparkplug B, become documents of JSON, and need a mapping."`
	HostID         string        `yaml:"host-id" placeholder:"ID" help:"Sparkplug: that of the primary host application, whose STATE this source then keeps. Default: it is none."`
	Unborn         string        `yaml:"unborn" enum:"letter,skip" default:"letter" help:"Sparkplug: what becomes of a message that builds on a birth which is not known (${enum}); a rebirth is asked for."`
	Rebirth        time.Duration `yaml:"rebirth" default:"5s" help:"Sparkplug: least time between two requests for a rebirth to one edge node."`
	MaxMessage     Size          `yaml:"max-message" default:"64MiB" help:"Largest message; a larger one is a dead letter."`
	MaxAhead       Size          `yaml:"max-ahead" default:"8MiB" help:"Bytes that are read ahead."`
	MaxMessages    int           `yaml:"max-messages" default:"10000" help:"Messages that are taken in at one time."`
}

// MQTTSink writes deltas to topics of an MQTT broker.
type MQTTSink struct {
	MQTTConnection
	Topic     string `yaml:"topic" required:"" placeholder:"TEMPLATE" help:"Topic that is written to: {shard} is the shard's number and, with record: subject, {subject} the subject, percent-encoded, and {name} its end behind / or #."`
	Retain    bool   `yaml:"retain" help:"The broker keeps the last message of each topic."`
	Record    string `yaml:"record" enum:"delta,subject" default:"delta" help:"What is one message (${enum}): a delta, or what a delta has of one subject."`
	Format    string `yaml:"format" enum:"text,binary" default:"text" help:"Form of the RDF Patch that a message is (${enum})."`
	Positions string `yaml:"positions" placeholder:"TOPIC" default:"quadrille/positions" help:"Topic below which retained messages say how far each shard is, as PIPELINE/NAME/SHARD. Who deletes them has everything written anew."`
}
