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
	gocmp       = "github.com/google/go-cmp"
	goleak      = "go.uber.org/goleak"
	rapid       = "pgregory.net/rapid"
	prometheus  = "github.com/prometheus"
	kong        = "github.com/alecthomas/kong"
	yaml        = "go.yaml.in/yaml/v3"
	xsys        = "golang.org/x/sys"
	xterm       = "golang.org/x/term"
	jsonGold    = "github.com/piprate/json-gold"
)

// floors is the table of DESIGN.md §11 with the packages that exist, from the top: what stands higher knows nothing
// of what stands lower. The packages of one floor stand beside each other. A name that ends in /... is every package
// below that folder.
//
// Tests may import any module, and any package of their own floor or a higher one.
var floors = [][]rule{
	{
		{pkg: "rdf", imports: []string{"rdf/internal/chars"}},
		{pkg: "rdf/internal/chars"},
		{pkg: "internal/suite"},
		{pkg: "rdf/scan", imports: []string{"rdf", "rdf/internal/chars"}},
	},
	{
		{pkg: "rdf/nquads", imports: []string{"rdf", "rdf/scan", "rdf/internal/chars"}},
		{pkg: "rdf/turtle", imports: []string{"rdf", "rdf/scan", "rdf/internal/chars"}},
		{pkg: "rdf/canon", imports: []string{"rdf", "rdf/nquads"}},
		{pkg: "rdf/jsonld", imports: []string{"rdf"}, modules: []string{jsonGold}},
	},
	{
		{pkg: "patch", imports: []string{"rdf", "rdf/scan", "rdf/nquads"}},
		{pkg: "patch/diff", imports: []string{"rdf", "rdf/nquads", "rdf/canon", "patch"}},
	},
	{
		{pkg: "rdfio", imports: []string{"rdf", "rdf/nquads", "rdf/turtle", "rdf/jsonld", "patch"}, modules: []string{compress}},
	},
	{
		{pkg: "store", imports: []string{"rdf", "rdf/nquads", "patch"}, modules: []string{compress}},
		{pkg: "store/storetest", imports: []string{"store", "rdf", "rdf/nquads", "patch"}, modules: []string{gocmp, rapid}},
	},
	{
		{pkg: "shard"},
		{pkg: "event"},
	},
	{
		{pkg: "engine"},
		{pkg: "engine/memory", imports: []string{"engine"}},
		{pkg: "engine/jetstream/filestore", modules: []string{natsServer, highwayhash, compress}},
		{pkg: "engine/jetstream", imports: []string{"engine", "engine/jetstream/filestore"}, modules: []string{natsServer, natsClient, nuid, xsys, compress}},
		{pkg: "engine/enginetest", imports: []string{"engine"}, modules: []string{gocmp, goleak, rapid}},
	},
	{
		{pkg: "shipper", imports: []string{"rdf", "event"}},
		{pkg: "shipper/shippertest", imports: []string{"shipper", "rdf", "event"}, modules: []string{gocmp, goleak, rapid}},
		{pkg: "shipper/natstransport/internal/fragment", imports: []string{"shipper", "event"}},
		{pkg: "shipper/natstransport", imports: []string{"shipper", "event", "shipper/natstransport/internal/fragment"}, modules: []string{natsClient}},
	},
	{
		{pkg: "coordinator", imports: []string{"rdf", "rdf/nquads", "patch", "shard", "event", "engine", "shipper"}},
	},
	{
		{pkg: "operator", imports: []string{"rdf", "patch", "event", "engine"}, modules: []string{compress}},
		{pkg: "operator/dataset", imports: []string{"rdf", "rdf/nquads", "patch", "store", "shard", "event", "operator"}},
	},
	{
		{pkg: "connector/file", imports: []string{"engine", "operator"}, modules: []string{xsys}},
	},
	{
		{pkg: "node/core", imports: []string{"event", "engine", "shipper", "coordinator", "operator"}},
	},
	{
		{pkg: "node", imports: []string{
			"rdf", "rdf/nquads", "patch", "store", "shard", "event", "engine", "shipper", "coordinator", "operator", "operator/dataset",
			"node/core",
		}},
	},
	{
		{pkg: "internal/api", imports: []string{
			"rdf", "rdf/nquads", "patch", "event", "engine", "operator", "operator/dataset", "node",
		}, modules: []string{prometheus}},
	},
	{
		{pkg: "internal/sim", imports: []string{
			"rdf", "rdf/nquads", "patch", "store", "shard", "event", "engine", "shipper", "coordinator", "operator", "operator/dataset",
			"node/core",
		}},
	},
	{
		{pkg: "internal/cli/...", imports: wiring},
		{pkg: "internal/cli", imports: append([]string{"internal/cli/..."}, wiring...), modules: []string{kong, yaml, compress, natsClient, xterm}},
	},
	{
		{pkg: "cmd/quadrille", imports: []string{"internal/cli"}},
	},
	{
		{pkg: "test/faults"},
		{pkg: "internal/peers"},
	},
	{
		{pkg: "internal/archtest"},
		{pkg: "internal/mutants"},
		{pkg: "internal/mutants/cmd", imports: []string{"internal/mutants"}},
	},
}

// wiring is what the command line puts together: everything that is no test suite.
var wiring = []string{
	"rdf", "rdf/nquads", "rdf/turtle", "rdf/jsonld", "patch", "patch/diff", "rdfio", "store", "shard", "event", "engine", "engine/memory",
	"engine/jetstream", "engine/jetstream/filestore", "shipper", "shipper/natstransport", "coordinator", "operator", "operator/dataset",
	"connector/file", "node", "internal/api", "internal/cli/...",
}
