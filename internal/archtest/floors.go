// Package archtest holds the order in which the packages of this module may import each other (DESIGN.md §11), and the
// checks that keep it true.
package archtest

// module is the path of the module whose folders the table names.
const module = "github.com/quadrille-stream/quadrille"

// rule says what the files of one package that are no tests may import besides the standard library.
type rule struct {
	// pkg is the package's folder in the module.
	pkg string
	// imports are packages of this module: only such as stand on a higher floor, or beside this one.
	imports []string
	// modules are prefixes of import paths outside this module. Empty: the standard library alone.
	modules []string
}

// The modules that packages import, named once.
const (
	natsServer  = "github.com/nats-io/nats-server/v2"
	natsClient  = "github.com/nats-io/nats.go"
	nuid        = "github.com/nats-io/nuid"
	highwayhash = "github.com/minio/highwayhash"
	compress    = "github.com/klauspost/compress"
	pebble      = "github.com/cockroachdb/pebble/v2"
	gocmp       = "github.com/google/go-cmp"
	goleak      = "go.uber.org/goleak"
	rapid       = "pgregory.net/rapid"
	prometheus  = "github.com/prometheus"
	kong        = "github.com/alecthomas/kong"
	yaml        = "go.yaml.in/yaml/v3"
	xsys        = "golang.org/x/sys"
	xterm       = "golang.org/x/term"
	franz       = "github.com/twmb/franz-go"
	gopcua      = "github.com/gopcua/opcua"
	cel         = "cel.dev/cel-go"
	jsonPath    = "github.com/theory/jsonpath"
	jsonGold    = "github.com/piprate/json-gold"
	protowire   = "google.golang.org/protobuf/encoding/protowire"
	pahoClient  = "github.com/eclipse/paho.golang/paho"
	paho5       = "github.com/eclipse/paho.golang/packets"
	paho311     = "github.com/eclipse/paho.mqtt.golang/packets"
)

// floors is the table of DESIGN.md §11 with the packages that exist, from the top: what stands higher knows nothing
// of what stands lower. The packages of one floor stand beside each other. A name that ends in /... is every package
// below that folder.
//
// Tests may import any module, and any package of their own floor or a higher one.
var floors = [][]rule{
	{
		{pkg: "rdf", imports: []string{"internal/chars"}},
		{pkg: "internal/chars"}, {pkg: "internal/iri"}, {pkg: "internal/labels"},
		{pkg: "internal/suite"},
		{pkg: "internal/readertest", imports: []string{"rdf"}},
		{pkg: "internal/logtext"},
		{pkg: "internal/vocab", imports: []string{"rdf"}},
		{pkg: "internal/statetable"},
		{pkg: "internal/ports"},
		{pkg: "internal/loopback"},
		{pkg: "internal/peer", imports: []string{"internal/ports"}},
		{pkg: "internal/clock"},
		{pkg: "internal/contain"},
		{pkg: "internal/nearest"},
		{pkg: "internal/rounds"},
		{pkg: "internal/buildinfo"},
		{pkg: "internal/difference", imports: []string{"rdf"}},
		{pkg: "rdf/scan", imports: []string{"rdf", "internal/chars"}},
	},
	{
		{pkg: "rdf/nquads", imports: []string{"rdf", "rdf/scan", "internal/chars"}},
		{pkg: "rdf/turtle", imports: []string{"internal/vocab", "rdf", "rdf/scan", "internal/chars", "internal/iri", "internal/labels"}},
		{pkg: "rdf/rdfxml/internal/xml", imports: []string{"rdf", "internal/chars"}},
		{pkg: "rdf/rdfxml", imports: []string{"internal/vocab", "rdf", "rdf/scan", "rdf/rdfxml/internal/xml", "internal/chars", "internal/iri", "internal/labels"}},
		{pkg: "rdf/canon", imports: []string{"rdf", "rdf/nquads"}},
		{pkg: "rdf/jsonld", imports: []string{"internal/vocab", "rdf", "internal/iri", "internal/labels"}, modules: []string{jsonGold}},
	},
	{
		{pkg: "internal/suite/manifest", imports: []string{"rdf", "rdf/turtle"}},
		{pkg: "sparql", imports: []string{"internal/vocab", "rdf", "internal/chars", "internal/iri", "internal/labels"}},
		{pkg: "sparql/value", imports: []string{"rdf"}},
		{pkg: "sparql/expr", imports: []string{"rdf", "sparql", "sparql/value", "internal/iri", "internal/nearest"}},
		{pkg: "sparql/results", imports: []string{"rdf", "rdf/scan", "sparql"}},
		{pkg: "patch", imports: []string{"rdf", "rdf/scan", "rdf/nquads"}},
		{pkg: "patch/invert", imports: []string{"rdf", "patch"}},
		{pkg: "patch/diff", imports: []string{"rdf", "rdf/nquads", "rdf/canon", "patch"}},
	},
	{
		{pkg: "rdfio", imports: []string{"rdf", "rdf/scan", "rdf/nquads", "rdf/turtle", "rdf/rdfxml", "rdf/jsonld", "patch"}, modules: []string{compress}},
	},
	{
		{pkg: "store", imports: []string{"rdf"}, modules: []string{compress}},
		{pkg: "patch/apply", imports: []string{"rdf", "patch", "store"}},
		{pkg: "store/memory/internal/tree"},
		{pkg: "store/memory", imports: []string{"store", "rdf", "store/memory/internal/tree"}},
		{pkg: "store/disk", imports: []string{"store", "rdf"}, modules: []string{pebble}},
		{pkg: "store/storetest", imports: []string{"store", "store/memory", "rdf"}, modules: []string{gocmp, rapid}},
	},
	{
		{pkg: "sparql/algebra", imports: []string{"rdf", "sparql"}},
		{pkg: "sparql/fragment", imports: []string{"rdf", "rdf/scan", "store"}},
		{pkg: "sparql/eval", imports: []string{"rdf", "sparql", "sparql/algebra", "sparql/fragment", "sparql/value", "sparql/expr", "patch", "store"}},
	},
	{
		{pkg: "shard"},
		{pkg: "event"},
	},
	{
		{pkg: "engine"},
		{pkg: "engine/memory", imports: []string{"engine"}},
		{pkg: "engine/jetstream/filestore", modules: []string{natsServer, highwayhash, compress}},
		{
			pkg:     "engine/jetstream",
			imports: []string{"engine", "engine/jetstream/filestore", "internal/loopback", "internal/rounds"},
			modules: []string{natsServer, natsClient, nuid, xsys, compress},
		},
		{pkg: "engine/enginetest", imports: []string{"engine"}, modules: []string{gocmp, goleak, rapid}},
	},
	{
		{pkg: "shipper/request"},
		{pkg: "shipper", imports: []string{"event", "shipper/request"}},
		{pkg: "shipper/internal/exchange", imports: []string{"shipper/request"}},
		{pkg: "shipper/shippertest", imports: []string{"shipper", "shipper/request", "event"}, modules: []string{gocmp, goleak, rapid}},
		{pkg: "shipper/natstransport/internal/fragment", imports: []string{"shipper", "event"}},
		{pkg: "shipper/natstransport", imports: []string{
			"shipper", "shipper/request", "shipper/internal/exchange", "event", "shipper/natstransport/internal/fragment",
		}, modules: []string{natsClient}},
	},
	{
		{pkg: "coordinator", imports: []string{"rdf", "rdf/nquads", "patch", "shard", "event", "engine"}},
	},
	{
		{pkg: "operator", imports: []string{"rdf", "patch", "event", "engine"}, modules: []string{compress}},
		{pkg: "operator/dataset", imports: []string{"internal/contain", "rdf", "rdf/nquads", "rdf/scan", "patch", "store", "store/memory", "sparql", "sparql/eval", "shard", "event", "operator"}},
		{pkg: "operator/dataset/ondisk", imports: []string{"store", "store/memory", "store/disk", "event", "operator", "operator/dataset"}},
	},
	{
		{pkg: "client", imports: []string{"event", "engine"}},
	},
	{
		{pkg: "connector", imports: []string{"engine"}},
		{pkg: "connector/conntest", imports: []string{"connector", "engine", "patch"}, modules: []string{goleak}},
		{pkg: "connector/kafka", imports: []string{"internal/contain", "connector", "internal/loopback", "connector/internal/tlserror", "engine", "patch", "rdf", "rdfio", "store", "internal/clock"}, modules: []string{franz}},
		{pkg: "connector/sparql", imports: []string{
			"internal/contain",
			"connector", "connector/endpoint", "connector/internal/mirror", "engine", "patch", "rdf", "rdf/nquads",
		}},
		{pkg: "connector/endpoint", imports: []string{"connector", "internal/loopback", "connector/internal/tlserror", "internal/clock"}},
		{pkg: "connector/internal/ending"},
		{pkg: "connector/internal/ahead", imports: []string{"internal/contain", "connector", "connector/internal/ending"}},
		{pkg: "connector/internal/mirror", imports: []string{"internal/contain", "connector", "connector/internal/ending", "patch", "rdf", "internal/difference"}},
		{pkg: "connector/internal/entry", imports: []string{"patch", "rdf"}},
		{pkg: "connector/delta", imports: []string{"connector", "connector/endpoint", "connector/internal/ending", "connector/internal/entry", "internal/clock", "patch"}},
		{pkg: "connector/poll", imports: []string{
			"connector", "connector/endpoint", "connector/internal/ending", "connector/internal/entry", "connector/internal/mirror", "patch", "rdf", "internal/clock",
		}},
		{pkg: "connector/sse", imports: []string{"connector", "connector/endpoint", "connector/internal/ahead", "connector/internal/entry", "patch"}},
		{pkg: "connector/internal/filelock", modules: []string{xsys}},
		{pkg: "connector/internal/tlserror"},
		{
			pkg:     "connector/file",
			imports: []string{"connector", "connector/internal/filelock", "engine", "patch", "rdf", "rdf/nquads", "rdfio"},
			modules: []string{xsys},
		},
		{pkg: "connector/webhook", imports: []string{
			"connector", "connector/endpoint", "engine", "client", "patch",
		}},
		{pkg: "connector/opcua/internal/binary", modules: []string{gopcua}},
		{pkg: "connector/opcua/internal/channel", imports: []string{"internal/contain", "connector/opcua/internal/binary", "internal/clock"}, modules: []string{gopcua}},
		{
			pkg: "connector/opcua",
			imports: []string{
				"internal/contain",
				"connector", "connector/internal/mirror", "connector/opcua/internal/binary", "connector/opcua/internal/channel",
				"internal/loopback", "engine", "patch", "rdf", "internal/clock",
			},
			modules: []string{gopcua},
		},
		{pkg: "connector/nats", imports: []string{"connector", "internal/loopback", "connector/internal/tlserror", "engine", "patch"}, modules: []string{natsClient, nuid}},
		{pkg: "connector/mqtt/sparkplug", modules: []string{protowire}},
		{pkg: "connector/mqtt", imports: []string{"internal/contain", "connector", "internal/loopback", "connector/internal/tlserror", "engine", "patch", "connector/mqtt/sparkplug"}, modules: []string{paho5, paho311}},
	},
	{
		{pkg: "mapping", imports: []string{"internal/vocab", "rdf", "rdf/jsonld", "patch", "sparql", "internal/nearest"}, modules: []string{yaml, cel, jsonPath}},
	},
	{
		{pkg: "node/core", imports: []string{"event", "engine", "shipper", "coordinator", "operator"}},
	},
	{
		{pkg: "node", imports: []string{"shard", "event", "engine", "shipper", "shipper/request", "coordinator", "operator", "node/core", "internal/rounds"}},
		{pkg: "graph", imports: []string{
			"internal/contain",
			"rdf", "rdf/nquads", "rdf/turtle", "rdf/rdfxml", "rdf/jsonld", "patch", "rdfio", "sparql", "sparql/fragment", "sparql/expr", "sparql/eval", "store", "store/memory", "shard",
			"event", "engine", "shipper", "shipper/request", "coordinator", "operator", "operator/dataset", "node",
		}},
	},
	{
		// The module's root.
		{pkg: ".", imports: []string{
			"shard", "engine", "engine/memory", "engine/jetstream", "shipper", "shipper/request", "shipper/natstransport", "coordinator", "operator", "operator/dataset", "operator/dataset/ondisk", "store/disk", "node", "graph",
		}, modules: []string{natsClient}},
	},
	{
		{pkg: "internal/access"}, {pkg: "internal/web"},
	},
	{
		{pkg: "internal/status", imports: []string{"internal/clock", "client"}},
	},
	{
		{pkg: "internal/api", imports: []string{
			"internal/access", "internal/web", "rdf", "rdf/nquads", "rdf/turtle", "rdf/jsonld", "patch", "rdfio", "sparql", "sparql/expr", "sparql/eval", "sparql/results", "event",
			"engine", "mapping", "node", "graph", "client",
			"internal/status", "internal/loopback",
		}, modules: []string{prometheus, compress}},
	},
	{
		{pkg: "connector/http", imports: []string{"connector", "connector/internal/ahead", "client", "engine"}},
	},
	{
		{pkg: "internal/pipeline/core", imports: []string{"shard", "event", "engine", "operator/dataset", "connector", "node"}},
	},
	{
		{pkg: "internal/pipeline", imports: []string{
			"internal/contain",
			"internal/clock", "internal/pipeline/core", "event", "engine", "coordinator", "operator", "connector", "node", "graph", "patch",
		}},
	},
	{
		{pkg: "internal/sim", imports: []string{
			"rdf", "rdf/nquads", "patch", "store", "shard", "event", "engine", "shipper", "coordinator", "operator", "operator/dataset",
			"connector", "node/core", "internal/pipeline/core",
		}},
	},
	{
		{pkg: "internal/terminal", modules: []string{xterm}},
		{pkg: "internal/factory"},
		{pkg: "internal/tail", imports: []string{"internal/clock", "rdf", "rdf/nquads", "patch", "engine", "client"}},
		{pkg: "internal/publish", imports: []string{"event", "rdf", "patch", "rdfio", "sparql", "client"}},
	},
	{
		{pkg: "internal/verify", imports: []string{
			"internal/clock", "coordinator", "engine", "engine/jetstream", "engine/jetstream/filestore", "operator", "node", "client",
			"internal/terminal", "internal/status", "connector/sparql", "internal/difference", "patch", "rdf", "rdf/nquads",
		}},
	},
	{
		{pkg: "internal/config", imports: []string{"shard", "event", "engine/jetstream", "coordinator", "mapping", "internal/access", "internal/nearest"}, modules: []string{yaml}},
	},
	{
		{pkg: "internal/daemon", imports: []string{
			".", "client", "connector", "connector/delta", "connector/endpoint", "connector/file", "connector/http", "connector/kafka", "connector/mqtt", "connector/nats", "connector/opcua", "connector/poll", "connector/sparql", "connector/sse", "connector/webhook", "coordinator", "engine", "engine/jetstream", "graph", "mapping", "node", "patch", "rdf", "rdfio", "store",
			"internal/access", "internal/api", "internal/buildinfo", "internal/config", "internal/loopback", "internal/pipeline", "internal/verify",
		}},
	},
	{
		// Its tests run nodes, and those are started by the command line.
		{pkg: "internal/cluster", imports: []string{"internal/clock", "internal/ports", "client"}},
		{
			pkg:     "internal/demo",
			imports: []string{"engine", "client", "internal/terminal", "internal/factory", "internal/cluster"},
			modules: []string{franz, natsClient, pahoClient},
		},
		{pkg: "internal/bench", imports: []string{
			"internal/clock", "internal/ports", "patch", "shard", "engine", "engine/jetstream", "client", "internal/terminal", "internal/factory",
			"internal/cluster",
		}, modules: []string{natsClient}},
		{pkg: "internal/cli", imports: wiring, modules: []string{kong}},
	},
	{
		{pkg: "cmd/quadrille", imports: []string{"internal/cli"}},
	},
	{
		{pkg: "test/faults"}, {pkg: "test/differential"}, {pkg: "test/clients"}, {pkg: "test/connectors"}, {pkg: "test/console"},
		{pkg: "internal/peers"}, {pkg: "internal/workload"},
		{pkg: "internal/peers/queries", imports: []string{
			"internal/workload", "rdf", "rdf/nquads", "patch", "store/memory", "sparql", "sparql/eval", "sparql/results",
		}},
	},
	{
		{pkg: "internal/archtest"},
		{pkg: "internal/mutants"},
		{pkg: "internal/mutants/cmd", imports: []string{"internal/mutants"}},
	},
}

// wiring is what the command line puts together.
var wiring = []string{
	"rdf", "rdf/nquads", "rdf/turtle", "rdf/rdfxml", "rdf/jsonld", "patch", "patch/apply", "patch/diff", "patch/invert", "rdfio", "sparql", "sparql/eval", "sparql/expr", "sparql/results", "store", "store/memory", "store/disk", "shard", "mapping", "client", "connector/endpoint", "connector/sparql", "internal/config", "internal/nearest",
	"internal/clock", "internal/daemon", "internal/terminal", "internal/status", "internal/verify", "internal/publish", "internal/tail",
	"internal/factory", "internal/cluster", "internal/demo", "internal/bench", "internal/buildinfo",
}
