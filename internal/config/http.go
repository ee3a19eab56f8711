package config

import "time"

// HTTPSource follows another pipeline.
type HTTPSource struct {
	URL   []string `yaml:"url" required:"" placeholder:"URL" help:"Nodes of the pipeline to follow; when one fails, the next is tried."`
	Token Secret   `yaml:"token" placeholder:"TOKEN" help:"Token of these nodes."`
	TLSCA string   `yaml:"tls-ca" placeholder:"FILE" help:"PEM file of the certificates to trust instead of the system's."`
}

// HTTPConnection says how a server of others is asked.
type HTTPConnection struct {
	URL      string `yaml:"url" required:"" placeholder:"URL" help:"Address, http:// or https://."`
	User     string `yaml:"user" placeholder:"NAME" help:"User, for HTTP basic authentication."`
	Password Secret `yaml:"password" placeholder:"PASSWORD" help:"The user's password."`
	Token    Secret `yaml:"token" placeholder:"TOKEN" help:"Bearer token, instead of user and password."`
	TLSFiles
	Timeout time.Duration `yaml:"timeout" default:"1m" help:"Longest time without a sign of the other side."`
}

// PollSource asks for a document again and again.
type PollSource struct {
	HTTPConnection
	Every      time.Duration `yaml:"every" default:"1m" help:"Pause between two requests."`
	What       string        `yaml:"what" enum:"changes,state" default:"changes" help:"What the document is (${enum}): changes, of which each version is committed, or the state of a graph, which becomes what the document says: quads that it doesn't have are taken out."`
	Format     string        `yaml:"format" placeholder:"MEDIA TYPE" help:"Media type of the document. Default: what the server says."`
	Graph      string        `yaml:"graph" default:"default" placeholder:"IRI" help:"Graph whose state the document is; default stands for the default graph."`
	Keep       bool          `yaml:"keep" help:"Take nothing out of the graph."`
	BlankNodes string        `yaml:"blank-nodes" enum:"keep,refuse" default:"keep" help:"What becomes of blank nodes in a state (${enum}): keep takes over the document's labels, refuse is an error."`
	MaxBody    Size          `yaml:"max-body" default:"64MiB" help:"Largest document."`
}

// SSESource follows a stream of events over HTTP.
type SSESource struct {
	HTTPConnection
	Events   []string `yaml:"events" default:"message" placeholder:"NAME" help:"Names of the events that are taken; message is that of events without one. Others are left out."`
	IDs      string   `yaml:"ids" enum:"any,numbers" default:"any" help:"What the ids of the events are (${enum}): numbers, each larger than the one before, are the identity of a message, and what is committed stands in the pipeline."`
	After    string   `yaml:"after" placeholder:"ID" help:"Id of the event to go on after where nothing was read yet. Default: where the server begins."`
	Format   string   `yaml:"format" placeholder:"MEDIA TYPE" default:"application/rdf-patch" help:"Media type of the data of an event."`
	MaxEvent Size     `yaml:"max-event" default:"16MiB" help:"Largest data of an event; one that has more becomes a dead letter."`
}

// DeltaSource follows a log of an RDF Delta patch log server.
type DeltaSource struct {
	HTTPConnection
	Log      string        `yaml:"log" required:"" placeholder:"NAME" help:"Name of the log, as the server knows it."`
	Every    time.Duration `yaml:"every" default:"1s" help:"Pause between two questions for what is new."`
	MaxPatch Size          `yaml:"max-patch" default:"64MiB" help:"Largest patch; a larger one stops the source."`
}

// WebhookSink posts the deltas to an address, signed.
type WebhookSink struct {
	HTTPConnection
	Secret     Secret `yaml:"secret" required:"" placeholder:"SECRET" help:"What requests are signed with: whsec_ and 24 to 64 random bytes in base64. Several, with white space between them, each make a signature, so that a receiver can change over from one to the next."`
	Request    string `yaml:"request" enum:"delta,subject,batch" default:"delta" help:"What is one request (${enum}): a delta, what a delta has of one subject, or as many deltas as there are, within max-request."`
	Empty      bool   `yaml:"empty" help:"Post deltas without rows, too: of an event that found all as it was to be. A receiver needs them that checks that each delta names the one before it (prev)."`
	Format     string `yaml:"format" enum:"text,binary,json" default:"text" help:"Form of the body (${enum}): RDF Patch in text or binary form, or an object of JSON as in live events."`
	MaxRequest Size   `yaml:"max-request" default:"1MiB" help:"Bytes of rows in a request of several deltas, unless a single one is larger."`
}
