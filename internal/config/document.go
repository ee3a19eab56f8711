// Package config is the configuration of a node: one document, declared once, here. Flags, environment, files, their errors,
// help and the reference page follow from the declaration.
//
// A file is YAML, with the sections of [Document]. What the command line says goes before what the environment says, and that
// before the file. An unknown key is an error with its place and the nearest key that there is. A value that is a secret may
// stand elsewhere: {env: NAME} or {file: PATH} in its place.
package config

import (
	"log/slog"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/quadrille-stream/quadrille/mapping"
)

// Document is the configuration of a node. Each field has its key in the file (yaml), and its flag, help and default, which
// the command line reads.
type Document struct {
	Node     Node     `yaml:"node" embed:"" help:"This node."`
	Pipeline Pipeline `yaml:"pipeline" embed:"" help:"What all nodes of the pipeline have in common; it is fixed when the pipeline is created."`
	Engine   Engine   `yaml:"engine" embed:"" help:"The distributed engine: embedded, alone or as a member of a cluster, or one that others run."`
	HTTP     HTTP     `yaml:"http" embed:"" help:"The HTTP API of this node."`
	Log      Log      `yaml:"log" embed:"" help:"What goes to standard error."`
	Sources  []Source `yaml:"sources" kong:"-" help:"Where changes come from besides the HTTP API. The same on all nodes: each source runs on one of them."`
	Sinks    []Sink   `yaml:"sinks" kong:"-" help:"Where the deltas of the shards go, each shard's from the node that owns it. The same on all nodes."`
	// Base, Prefixes and Declared are the values of the keys that declare mappings, Mappings what they compile to.
	Base     *yaml.Node   `yaml:"base" kong:"-" help:"What goes before an IRI of a mapping that is not absolute."`
	Prefixes *yaml.Node   `yaml:"prefixes" kong:"-" help:"Names that stand for the beginnings of IRIs in mappings."`
	Declared *yaml.Node   `yaml:"mappings" kong:"-" help:"How messages become changes; see mapping.md."`
	Mappings *mapping.Set `kong:"-"`
}

// Node says who this node is.
type Node struct {
	Name   string `yaml:"name" placeholder:"NAME" help:"Name of the node, unique in the pipeline. Default: the host's name."`
	Zone   string `yaml:"zone" help:"Where the node is; standbys are spread over zones."`
	Weight int    `yaml:"weight" default:"1" help:"The node's share of the shards, compared with the others' weights."`
	Store  string `yaml:"store" enum:"memory,disk" default:"memory" help:"Where this node has the quads of its shards (${enum}): a disk is for shards larger than memory, in the data folder; a node that starts again has them, and reads the end of the logs only."`
	Index  string `yaml:"index" enum:"asked,now" default:"asked" help:"When the quads of a shard in memory get an index (${enum}), by which queries find some of them without a look at all: when the shard is first asked, while it goes on, or from the start. With it each change takes some two microseconds more, and a quad 60 to 70 bytes. Those on a disk have one."`
	Leave  bool   `yaml:"leave" help:"Leave the pipeline at the end, so that the others need not notice first."`
}

// Pipeline says what all nodes have in common.
type Pipeline struct {
	Name     string        `yaml:"name" name:"pipeline" default:"main" help:"Name of the pipeline; nodes with the same one work together."`
	Shards   int           `yaml:"shards" default:"8" help:"Number of shards; it is fixed when the pipeline is created."`
	Key      string        `yaml:"key" enum:"subject,graph,dataset" default:"subject" help:"What changes are routed by (${enum}); it is fixed too."`
	KeepKeys time.Duration `yaml:"keep-keys" default:"24h" help:"How long idempotency keys are remembered, the same on all nodes; a shard remembers a million at most, and then says that it is busy."`
}

// DefaultData is the folder of the embedded engine's data where none is given.
const DefaultData = "quadrille-data"

// Engine says what keeps the logs: embedded, alone or as a member of a cluster, or one that others run.
type Engine struct {
	Data        string   `yaml:"data" placeholder:"DIR" default:"quadrille-data" help:"Folder of the embedded engine's data."`
	Listen      string   `yaml:"listen" placeholder:"HOST" default:"127.0.0.1" help:"Address at which the embedded engine listens for other members and, if it has a port, for workers."`
	Port        int      `yaml:"port" help:"Port of the embedded engine for nodes that have none (--nats); -1 takes a free one. Default: none; a member of a cluster opens one on loopback."`
	Cluster     string   `yaml:"cluster" placeholder:"NAME" help:"Name of the cluster of embedded engines that this one is a member of."`
	ClusterPort int      `yaml:"cluster-port" help:"Port for the other members; 0 takes a free one."`
	Routes      []string `yaml:"routes" placeholder:"URL" help:"Addresses of the members, nats://HOST:CLUSTERPORT; this one's may be among them."`

	Secret Secret `yaml:"secret" placeholder:"SECRET" help:"What all members of a cluster, and the workers that connect to them, know and nobody else: 32 random characters or more. Rather set it by the environment or a file. Default: that of quadrille.secret in the data folder, which a node that is no member makes if it has a port."`

	NATS            string `yaml:"nats" name:"nats" placeholder:"URL" help:"Engine to connect to instead of an embedded one, with commas between addresses: NATS servers with JetStream that others run or, with --secret, embedded engines of other nodes."`
	NATSCreds       string `yaml:"nats-creds" name:"nats-creds" placeholder:"FILE" help:"Credentials file, or file of an nkey seed, for NATS servers that others run."`
	NATSEventsCreds string `yaml:"nats-events-creds" name:"nats-events-creds" placeholder:"FILE" help:"The same for the connection that carries events, which may do less. Default: nats-creds."`
	NATSUser        string `yaml:"nats-user" name:"nats-user" placeholder:"NAME" help:"User for NATS servers that others run."`
	NATSPassword    Secret `yaml:"nats-password" name:"nats-password" placeholder:"PASSWORD" help:"Password of this user; rather set it by the environment or a file."`
	NATSCA          string `yaml:"nats-ca" name:"nats-ca" placeholder:"FILE" help:"PEM file of the certificates to trust instead of the system's."`

	Election time.Duration `yaml:"election" default:"500ms" help:"Time without a leader after which a server of the embedded engine stands for election; 0 leaves it as NATS has it, at 4 s and more. The same on all nodes."`
	MaxStore Size          `yaml:"max-store" help:"Most that the embedded engine stores. Default: the disk."`
	Compress bool          `yaml:"compress" help:"Compress larger records in the logs: less than half the disk, and slower by a tenth or more."`
	Replicas int           `yaml:"replicas" help:"Copies of the logs. Default: 3 in a cluster, else 1."`
	Streams  int           `yaml:"streams" help:"Streams over which the shards' logs are spread. Default: by the number of shards."`
}

// HTTP says how the HTTP API is served.
type HTTP struct {
	Address    string   `yaml:"address" name:"http" placeholder:"HOST:PORT" default:"127.0.0.1:7375" help:"Address of the HTTP API; port 0 takes a free one. Beyond loopback it needs TLS and tokens."`
	Advertise  string   `yaml:"advertise" placeholder:"URL" help:"Address of the HTTP API that other nodes show. Default: what it listens on."`
	Token      Secret   `yaml:"token" placeholder:"TOKEN" help:"Token for everything, 16 characters or more; rather set it by the environment or a file."`
	Tokens     string   `yaml:"tokens" placeholder:"FILE" help:"File of tokens, RIGHTS NAME TOKEN in each line; rights are read, write and admin, with commas between them. It is read again at SIGHUP."`
	Metrics    string   `yaml:"metrics" enum:"token,open" default:"token" help:"Who may read /metrics where there are tokens: who has one to read, or everybody (${enum})."`
	Probes     string   `yaml:"probes" enum:"open,token" default:"open" help:"Who may ask /healthz and /readyz where there are tokens: everybody, or who has one (${enum})."`
	Pprof      string   `yaml:"pprof" placeholder:"HOST:PORT" help:"Address on loopback, of its own, at which the node can be profiled (Go's pprof, below /debug/pprof/); port 0 takes a free one. Default: none."`
	Console    string   `yaml:"console" enum:"on,off" default:"on" help:"Whether the node shows its console to browsers, at / (${enum}). Its files are for everybody, what it shows for who has a token."`
	TLSCert    string   `yaml:"tls-cert" name:"tls-cert" placeholder:"FILE" help:"PEM file of the certificate for HTTPS; it and the key are read again at SIGHUP."`
	TLSKey     string   `yaml:"tls-key" name:"tls-key" placeholder:"FILE" help:"PEM file of its key."`
	PeersCA    string   `yaml:"peers-ca" name:"peers-ca" placeholder:"FILE" help:"PEM file of the certificates by which this node trusts the HTTPS of the others, which it asks how sources and sinks are. Default: the system's."`
	Hosts      []string `yaml:"hosts" placeholder:"NAME" help:"Host names, besides loopback, that requests may be for."`
	Origins    []string `yaml:"origins" placeholder:"URL" help:"Origins of the web pages that may ask this node from a browser, https://HOST or http://HOST:PORT. Default: none but its own."`
	MaxBody    Size     `yaml:"max-body" default:"64MiB" help:"Largest document that is taken in one request."`
	MaxReaders int      `yaml:"max-readers" default:"64" help:"Most readers of /v1/changes, and of patches for RDF Delta, at one time; beyond it the answer is 503."`
	Delta      bool     `yaml:"delta" help:"Show each shard as a log of RDF Delta, below /delta/, to read."`
	MaxDumps   int      `yaml:"max-dumps" default:"16" help:"Most answers of /v1/data at one time; beyond it the answer is 503."`

	MaxQueries  int           `yaml:"max-queries" default:"16" help:"Most queries that run at one time; 256 more wait, for five seconds at most, and beyond it the answer is 503."`
	QueryTime   time.Duration `yaml:"query-time" default:"1m" help:"Longest time that the answer to a query may take, its sending among it."`
	QueryMemory Size          `yaml:"query-memory" default:"128MiB" help:"Most memory that a query may hold at a time, about: for sorting, grouping, joining."`
	AllMemory   Size          `yaml:"queries-memory" name:"queries-memory" placeholder:"BYTES" help:"Most memory that all queries of this node may hold together at a time, about, their texts among it, and what is answered for queries of other nodes; beyond it the answer is 503. Default: 1GiB, or what one query may hold if that is more."`
	QuerySteps  int           `yaml:"query-steps" default:"100000000" help:"Most rows that a query may make and quads that it may look at, in one shard or in all that are read as one store."`
}

// Log says what is logged.
type Log struct {
	Level  slog.Level `yaml:"level" name:"log-level" default:"info" help:"Least level that is logged: debug, info, warn or error."`
	Format string     `yaml:"format" name:"log-format" enum:"text,json" default:"text" help:"Form of the log on standard error (${enum})."`
}

// Source is one way in. Settings are those of its type, a pointer.
type Source struct {
	// Name is unique among the sources, and a part of the identities of its messages: another name reads all of it anew.
	Name string
	// Type names the adapter.
	Type string
	// Mapping names what makes changes of its messages; empty: they are changes.
	Mapping string
	// Settings are a pointer to those of its type, such as a *[KafkaSource].
	Settings any
	// Place is where it stands, as FILE:LINE:COLUMN; empty: in no file.
	Place string
}

// Sink is one way out. Settings are those of its type, a pointer.
type Sink struct {
	// Name is unique among the sinks.
	Name string
	// Type names the adapter.
	Type string
	// Settings are a pointer to those of its type, such as a *[KafkaSink].
	Settings any
	// Place is where it stands, as FILE:LINE:COLUMN; empty: in no file.
	Place string
}

// SPARQLConnection says how a store is asked.
type SPARQLConnection struct {
	Query    string        `yaml:"query" required:"" placeholder:"URL" help:"Address of the store for queries, such as http://127.0.0.1:3030/ds."`
	User     string        `yaml:"user" placeholder:"NAME" help:"User, for HTTP basic authentication."`
	Password Secret        `yaml:"password" placeholder:"PASSWORD" help:"The user's password."`
	Token    Secret        `yaml:"token" placeholder:"TOKEN" help:"Bearer token, instead of user and password."`
	TLSCA    string        `yaml:"tls-ca" placeholder:"FILE" help:"PEM file of the certificates to trust instead of the system's."`
	Timeout  time.Duration `yaml:"timeout" default:"1m" help:"Longest time without a sign of the store."`
}

// SPARQLSource copies graphs of a store into the pipeline.
type SPARQLSource struct {
	SPARQLConnection
	Graphs     []string      `yaml:"graphs" required:"" placeholder:"IRI" help:"Graphs to copy; default stands for the default graph. They become what they are in the store: quads that it doesn't have are taken out of them."`
	Every      time.Duration `yaml:"every" help:"Pause between two readings. Default: the graphs are copied once."`
	Keep       bool          `yaml:"keep" help:"Take nothing out of the graphs."`
	BlankNodes string        `yaml:"blank-nodes" enum:"keep,refuse" default:"keep" help:"What becomes of blank nodes (${enum}): keep takes over the store's labels, which must be the same whenever it is read; refuse is an error."`
}

// TLSFiles are those of a connection that is encrypted.
type TLSFiles struct {
	TLSCA   string `yaml:"tls-ca" placeholder:"FILE" help:"PEM file of the certificates to trust instead of the system's."`
	TLSCert string `yaml:"tls-cert" placeholder:"FILE" help:"PEM file of a certificate that says who we are."`
	TLSKey  string `yaml:"tls-key" placeholder:"FILE" help:"PEM file of its key."`
}

// KafkaConnection says how the brokers of a cluster are reached.
type KafkaConnection struct {
	Brokers []string `yaml:"brokers" required:"" placeholder:"HOST:PORT" help:"Some of the cluster's brokers."`
	TLS     bool     `yaml:"tls" default:"true" help:"Encrypt, and check the brokers' certificates."`
	TLSFiles
	SASLMechanism string `yaml:"sasl-mechanism" enum:"PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER" help:"How the brokers are told who we are (${enum}). Default: they aren't."`
	SASLUser      string `yaml:"sasl-user" help:"User of PLAIN and SCRAM."`
	SASLPassword  Secret `yaml:"sasl-password" help:"Password of PLAIN and SCRAM."`
	SASLToken     Secret `yaml:"sasl-token" help:"Token of OAUTHBEARER."`
}

// KafkaSource reads topics of Apache Kafka.
type KafkaSource struct {
	KafkaConnection
	Topics      []string `yaml:"topics" required:"" placeholder:"TOPIC" help:"Topics that are read or, with regex, expressions for their names."`
	Regex       bool     `yaml:"regex" help:"The topics are regular expressions; a topic that comes later is read, too."`
	Group       string   `yaml:"group" help:"Consumer group, of this source alone. Default: PIPELINE.SOURCE."`
	Member      string   `yaml:"member" default:"quadrille" help:"Name of this member of the group; who has it later takes the place of who had it before."`
	Protocol    string   `yaml:"protocol" enum:"newest,classic" default:"newest" help:"Protocol of the group (${enum}): the newest that the brokers have, or the classic one."`
	Start       string   `yaml:"start" default:"earliest" help:"Where to begin with what nothing was read of: earliest, latest, or a time such as 2026-01-02T15:04:05Z. The last two are about what there is when the source runs first."`
	Offsets     []string `yaml:"offsets" placeholder:"TOPIC/PARTITION=OFFSET" help:"Where to begin with single partitions that nothing was read of."`
	OnGap       string   `yaml:"on-gap" enum:"stop,skip" default:"stop" help:"What to do when the brokers have deleted messages before they were read (${enum}); skip makes one dead letter of them."`
	Record      string   `yaml:"record" enum:"change,state" default:"change" help:"What one record is (${enum}): a document of changes, or, in a compacted topic, all that there is of the subject that is its key: it replaces what was there, and a tombstone deletes it."`
	Format      string   `yaml:"format" placeholder:"MEDIA TYPE" help:"Media type of messages that have no header content-type. Default: application/rdf-patch; of states application/n-quads."`
	MaxFetch    Size     `yaml:"max-fetch" default:"8MiB" help:"Bytes that are read ahead from each broker."`
	MaxMessages int      `yaml:"max-messages" default:"10000" help:"Messages that are taken in at one time."`
}

// KafkaSink writes deltas to a topic of Apache Kafka, exactly once.
type KafkaSink struct {
	KafkaConnection
	Topic      string `yaml:"topic" required:"" placeholder:"TOPIC" help:"Topic that is written to; it must be there."`
	Positions  string `yaml:"positions" placeholder:"TOPIC" help:"Compacted topic that says how far each shard is; it is made if it is not there. Default: the topic's name and -positions."`
	Record     string `yaml:"record" enum:"delta,subject,state" default:"delta" help:"What is one record (${enum}): a delta, with its shard as the key; what a delta has of one subject, with the subject as the key; or, for a compacted topic, all that there is of a subject now, with a tombstone when it is gone."`
	Format     string `yaml:"format" enum:"text,binary,nquads,trig,jsonld" help:"Form of a record (${enum}): of a delta or subject RDF Patch as text, the default, or binary; of a state nquads, the default, trig or jsonld."`
	MaxMessage Size   `yaml:"max-message" default:"1000000" help:"Largest record; brokers and topic must take it (max.message.bytes). A larger one stops its shard."`
}

// SPARQLSink writes the deltas to a store as SPARQL Update.
type SPARQLSink struct {
	SPARQLConnection
	Update        string `yaml:"update" placeholder:"URL" help:"Address of the store for updates. Default: that for queries."`
	PositionGraph string `yaml:"position-graph" default:"urn:quadrille:positions" placeholder:"IRI" help:"Graph that holds how far each shard is; default stands for the default graph."`
	BlankNodes    string `yaml:"blank-nodes" enum:"skolemise,refuse" default:"skolemise" help:"What becomes of blank nodes, which SPARQL Update can't name (${enum}): skolemise writes IRIs, refuse stops the shard."`
	BlankPrefix   string `yaml:"blank-prefix" default:"urn:quadrille:blank:" placeholder:"IRI" help:"What these IRIs begin with; the label follows. It must not be changed while data are in the store."`
	MaxRequest    Size   `yaml:"max-request" default:"1MiB" help:"Bytes of rows in a request, unless a single row is larger."`
}

// The types of sources and sinks, each with settings that have nothing set.
var (
	sourceTypes = map[string]func() any{
		"delta":  func() any { return &DeltaSource{} },
		"file":   func() any { return &FileSource{} },
		"http":   func() any { return &HTTPSource{} },
		"kafka":  func() any { return &KafkaSource{} },
		"mqtt":   func() any { return &MQTTSource{} },
		"nats":   func() any { return &NATSSource{} },
		"opcua":  func() any { return &OPCUASource{} },
		"poll":   func() any { return &PollSource{} },
		"sparql": func() any { return &SPARQLSource{} },
		"sse":    func() any { return &SSESource{} },
	}
	sinkTypes = map[string]func() any{
		"file":    func() any { return &FileSink{} },
		"kafka":   func() any { return &KafkaSink{} },
		"mqtt":    func() any { return &MQTTSink{} },
		"nats":    func() any { return &NATSSink{} },
		"opcua":   func() any { return &OPCUASink{} },
		"sparql":  func() any { return &SPARQLSink{} },
		"webhook": func() any { return &WebhookSink{} },
	}
)
