package config

import "time"

// OPCUAConnection says how an OPC UA server is reached.
type OPCUAConnection struct {
	URL             string        `yaml:"url" required:"" placeholder:"URL" help:"Address of the server, opc.tcp://HOST:PORT/PATH."`
	SecurityPolicy  string        `yaml:"security-policy" enum:"Basic256Sha256,Aes128_Sha256_RsaOaep,Aes256_Sha256_RsaPss,None" help:"Security policy (${enum}). Default: the best of them that the server has; None only if it has no other and is on loopback."`
	SecurityMode    string        `yaml:"security-mode" enum:"SignAndEncrypt,Sign" default:"SignAndEncrypt" help:"What is done with messages (${enum}), unless the policy is None."`
	PKI             string        `yaml:"pki" placeholder:"DIR" default:"quadrille-pki" help:"Folder of certificates, which is made: own/cert.der is ours, which the server must trust; trusted holds those of servers and authorities that we trust; rejected those of servers that are none of these, to be moved there."`
	User            string        `yaml:"user" placeholder:"NAME" help:"User. Default: nobody."`
	Password        Secret        `yaml:"password" placeholder:"PASSWORD" help:"The user's password."`
	UserCertificate string        `yaml:"user-certificate" placeholder:"FILE" help:"PEM file of a certificate that says who the user is, instead of user and password."`
	UserKey         string        `yaml:"user-key" placeholder:"FILE" help:"PEM file of its key."`
	Timeout         time.Duration `yaml:"timeout" default:"10s" help:"Longest time for an answer."`
}

// OPCUASource subscribes to variables of an OPC UA server, or reads how its nodes are made.
type OPCUASource struct {
	OPCUAConnection
	Nodes        []string      `yaml:"nodes" placeholder:"NODE" help:"Variables, by id or path: ns=2;s=Oven.Temperature, nsu=NAMESPACE;i=7, /Objects/2:Oven/2:Temperature."`
	Trees        []string      `yaml:"trees" placeholder:"NODE" help:"Nodes below which all variables are subscribed to, but for properties."`
	MaxNodes     int           `yaml:"max-nodes" default:"10000" help:"Most nodes below the trees, and most variables; more are an error."`
	Publishing   time.Duration `yaml:"publishing-interval" default:"500ms" help:"Pause between two messages of the server."`
	Sampling     time.Duration `yaml:"sampling-interval" default:"-1s" help:"Pause between two looks of the server at a variable. 0s is as fast as the server can, for some whenever a value changes; -1s is as publishing-interval."`
	QueueSize    int           `yaml:"queue-size" default:"10" help:"Values of a variable that the server keeps between two messages; when there are more the oldest goes, and the next one says so."`
	Deadband     float64       `yaml:"deadband" help:"What a number must differ by from the one before. Default: by anything."`
	DeadbandType string        `yaml:"deadband-type" enum:"absolute,percent" default:"absolute" help:"What deadband counts in (${enum}): the variable's unit, or percent of its range, which the server must know."`
	Silence      time.Duration `yaml:"silence" default:"15s" help:"Longest time without a sign of the server; then the session is made anew."`
	MaxQueued    int           `yaml:"max-queued" default:"20000" help:"Values that wait for the shards; while there are more the server is asked for none."`
	Structure    bool          `yaml:"structure" help:"Keep what the trees are made of, as RDF, in a graph, and bring no values."`
	Graph        string        `yaml:"graph" placeholder:"IRI" help:"Graph of the structure; default stands for the default graph. It becomes what the server has: what else is in it is taken out. Needed with structure."`
	Every        time.Duration `yaml:"every" default:"10m" help:"Pause between two readings of the structure. A change that the server tells of is read at once."`
	NodeIRI      string        `yaml:"node-iri" placeholder:"IRI" default:"urn:opcua:node:" help:"What the IRIs of nodes begin with in that RDF; the id follows, percent-encoded."`
}

// OPCUASink writes values of the deltas to variables of an OPC UA server.
type OPCUASink struct {
	OPCUAConnection
	Writes    []OPCUAWrite `yaml:"writes" required:"" help:"What is written where."`
	OnRefused string       `yaml:"on-refused" enum:"stop,skip" default:"stop" help:"What to do with a value that the server refuses for good, or that is none of the variable's type (${enum}): stop the shard until there is another one, or leave it out."`
}

// OPCUAWrite says which values go to which variable.
type OPCUAWrite struct {
	Subject   string `yaml:"subject" required:"" placeholder:"IRI" help:"Subject of the values. $(node) in it stands for the id of the variable, percent-encoded."`
	Predicate string `yaml:"predicate" required:"" placeholder:"IRI" help:"Predicate of the values."`
	Graph     string `yaml:"graph" placeholder:"IRI" help:"Graph of the values. Default: the default graph."`
	Node      string `yaml:"node" placeholder:"NODE" help:"The variable, by id or path, unless the subject says it."`
}
