# Quadrille. "make" alone tells what there is.
#
# The tools (linter, test summary, benchstat) are pinned in tools/go.mod, apart from the project's own modules.

GO    ?= go
TOOL  := $(GO) tool -modfile=tools/go.mod
COUNT ?= 6

# The tests of test/faults take a whole machine for some minutes, those of test/differential need other readers and stores, and those of
# PEERS real stores and a browser, so they run alone.
PEERS    = ./connector/kafka ./connector/mqtt ./connector/nats ./connector/opcua ./connector/sparql ./test/connectors
# Clients and a browser, whose time the race detector of a node would take.
CLIENTS  = ./test/clients ./test/console
PACKAGES = $(shell $(GO) list ./... | grep -v -E "/test/|/connector/(kafka|mqtt|nats|opcua|sparql)$$")

.PHONY: help build console test race faults differential peers check lint fmt fuzz mutants demo bench bench-peers

help: ## tell what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build ./quadrille
	$(GO) build -trimpath -o quadrille ./cmd/quadrille

console: ## bundle the console of the browser anew, from internal/web/src
	internal/web/build

test: ## run all tests but those of "make faults": unit, property, simulation, conformance, real processes
	$(TOOL) gotestsum --format pkgname -- -timeout 10m $(PACKAGES)

race: ## run them with the race detector, but for internal/mutants, which runs other tests without it
	$(TOOL) gotestsum --format pkgname -- -race -timeout 15m $(filter-out %/internal/mutants,$(PACKAGES))

faults: ## kill, stop, cut off, fill and damage real processes; QUADRILLE_FAULTS=long for more, QUADRILLE_SOAK=30m for a soak
	$(TOOL) gotestsum --format testname -- -timeout 3h ./test/faults

differential: ## compare readers and SPARQL with others, which are installed if need be; DOCS=50000 QUESTIONS=20000 SEED=2 for more and others
	test/differential/peers/install
	QUADRILLE_DOCS=$(DOCS) QUADRILLE_QUESTIONS=$(QUESTIONS) QUADRILLE_SEED=$(SEED) $(TOOL) gotestsum --format testname -- -count 1 -timeout 1h -v ./test/differential

peers: ## test the connectors with real peers, SPARQL with real clients, and the console in a browser, which are installed if need be; the connectors with the race detector
	QUADRILLE_PEERS_REQUIRED=1 $(TOOL) gotestsum --format testname -- -race -count 1 -timeout 20m $(PEERS)
	QUADRILLE_PEERS_REQUIRED=1 $(TOOL) gotestsum --format testname -- -count 1 -p 1 -timeout 10m $(CLIENTS)

check: ## formatting, go vet and the linter
	@test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }
	$(GO) vet ./...
	$(GO) mod tidy -diff
	$(TOOL) golangci-lint run ./...

fmt: ## format the code
	gofmt -w .

fuzz: ## run each fuzz target for FUZZTIME (default 20s)
	@for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $${FUZZTIME:-20s} $$pkg || exit 1; \
		done; \
	done

mutants: ## change the code of PKG (default: all that are known) in SAMPLE places (default 50), one at a time, and run the tests
	$(GO) run ./internal/mutants/cmd -pkg "$(PKG)" -sample $${SAMPLE:-50}

demo: ## run the demo: three nodes, 200,000 changes, one node killed half way
	$(GO) run ./cmd/quadrille demo

bench: ## run the benchmarks COUNT times (default 6) and show the medians; OLD=FILE compares with an earlier bench.txt
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) ./... | tee bench.txt
	$(TOOL) benchstat $(OLD) bench.txt

TRIPLES ?= 100000
bench-peers: ## time quadrille convert against serdi, rapper and Jena's rdfpatch, those that are installed; queries on TRIPLES against Oxigraph
	$(GO) run ./internal/peers
	test/differential/peers/install
	$(GO) run ./internal/peers/queries -triples $(TRIPLES)
