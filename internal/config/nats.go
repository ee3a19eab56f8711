package config

// NATSConnection says how NATS servers are reached, and as whom.
type NATSConnection struct {
	Servers []string `yaml:"servers" required:"" placeholder:"HOST:PORT" help:"Some of the cluster's servers."`
	TLS     bool     `yaml:"tls" default:"true" help:"Encrypt, and check the servers' certificates."`
	TLSFiles
	User        string `yaml:"user" placeholder:"NAME" help:"User, with a password."`
	Password    Secret `yaml:"password" placeholder:"PASSWORD" help:"The user's password."`
	Token       Secret `yaml:"token" placeholder:"TOKEN" help:"Token, instead of a user."`
	Credentials string `yaml:"credentials" placeholder:"FILE" help:"Credentials file (JWT and seed), instead of a user."`
	NKey        string `yaml:"nkey" placeholder:"FILE" help:"File of an NKey's seed, instead of a user."`
}

// NATSSource reads a stream of JetStream, or subjects of core NATS.
type NATSSource struct {
	NATSConnection
	Mode        string   `yaml:"mode" enum:"jetstream,core" default:"jetstream" help:"What is read (${enum}): a stream, or what is published while the source runs; that comes at most once."`
	Stream      string   `yaml:"stream" help:"Stream that is read (jetstream); it must be there."`
	Subjects    []string `yaml:"subjects" placeholder:"SUBJECT" help:"Subjects that are read, with wildcards. Default with jetstream: all of the stream."`
	Consumer    string   `yaml:"consumer" help:"Durable consumer, of this source alone (jetstream). Default: PIPELINE-SOURCE."`
	Start       string   `yaml:"start" default:"first" help:"Where to begin with a stream that nothing was read of: first, latest, a sequence, or a time such as 2026-01-02T15:04:05Z. latest is about what there is when the source runs first."`
	OnGap       string   `yaml:"on-gap" enum:"stop,skip" default:"stop" help:"What to do when the server has removed messages before they were read (${enum}); skip makes one dead letter of them."`
	Queue       string   `yaml:"queue" placeholder:"GROUP" help:"Queue group (core): each message goes to one of its members."`
	Format      string   `yaml:"format" placeholder:"MEDIA TYPE" default:"application/rdf-patch" help:"Media type of messages that have no header content-type."`
	MaxFetch    Size     `yaml:"max-fetch" default:"8MiB" help:"Bytes that are asked for at one time; a larger message comes alone. With core: bytes that wait to be taken in, beyond which messages are dropped and told."`
	MaxMessages int      `yaml:"max-messages" default:"10000" help:"Messages that are taken in, or wait, at one time."`
}

// NATSSink writes the deltas to a stream of JetStream, or to those who listen to core NATS.
type NATSSink struct {
	NATSConnection
	Mode    string `yaml:"mode" enum:"jetstream,core" default:"jetstream" help:"Where deltas go (${enum}): into a stream, each once, or to those who listen meanwhile."`
	Stream  string `yaml:"stream" help:"Stream that is written to (jetstream); it must be there, and must not forget the newest message of a subject."`
	Subject string `yaml:"subject" default:"deltas.{shard}" help:"Subject of the messages. {shard} is the shard's number, {subject} (with record: subject) the subject of the graph, percent-encoded."`
	Claims  string `yaml:"claims" placeholder:"SUBJECT" help:"Subject of the claims of those who write (jetstream), with {shard}, in the same stream. Default: beside the messages, such as deltas._claims.PIPELINE-SINK.{shard}."`
	Record  string `yaml:"record" enum:"delta,subject" default:"delta" help:"What is one message (${enum}): a delta, or what a delta has of one subject."`
	Format  string `yaml:"format" enum:"text,binary" default:"text" help:"Form of the RDF Patch that a message is (${enum})."`
}
