package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
)

// metrics holds what Prometheus reads. It has a registry of its own, so that a program that embeds a node decides what
// else it shows.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(a *API) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quadrille_http_requests_total",
			Help: "HTTP requests answered, by path, method and status.",
		}, []string{"path", "method", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "quadrille_http_request_duration_seconds",
			Help:    "Time from a request to the end of its answer, by path and method; streams are long by nature.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}, []string{"path", "method"}),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, m.seconds,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "quadrille_http_streams",
			Help: "Readers of /v1/changes and /v1/data that are connected.",
		}, func() float64 { return float64(len(a.readers) + len(a.dumps)) }),
		&collector{status: a.status},
	)
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry, MaxRequestsInFlight: 8})
	return m
}

// observe counts an answered request. route and method are of a small set, whatever clients send.
func (m *metrics) observe(route, method string, code int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(code)).Inc()
	m.seconds.WithLabelValues(route, method).Observe(took.Seconds())
}

// collector shows the status of the node and its sinks at the time it is asked.
type collector struct {
	status func() client.Status
}

// value is one metric that is a function of the status.
type value struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(*client.Status) float64
}

func counter(name, help string, of func(*client.Stats) uint64) value {
	return value{prometheus.NewDesc("quadrille_"+name, help, nil, nil), prometheus.CounterValue,
		func(s *client.Status) float64 { return float64(of(&s.Stats)) }}
}

func gauge(name, help string, of func(*client.Status) float64) value {
	return value{prometheus.NewDesc("quadrille_"+name, help, nil, nil), prometheus.GaugeValue, of}
}

var values = []value{
	counter("submissions_total", "Documents of changes taken in at this node's door.",
		func(s *client.Stats) uint64 { return s.Submissions }),
	counter("submitted_changes_total", "Rows of the documents taken in at this node's door.",
		func(s *client.Stats) uint64 { return s.ChangesIn }),
	counter("events_total", "Events answered as owner of their shard.",
		func(s *client.Stats) uint64 { return s.Events }),
	counter("added_quads_total", "Quads that were really added, committed as owner of their shard.",
		func(s *client.Stats) uint64 { return s.Adds }),
	counter("deleted_quads_total", "Quads that were really deleted, committed as owner of their shard.",
		func(s *client.Stats) uint64 { return s.Deletes }),
	counter("duplicate_events_total", "Events that had been committed before and had no second effect.",
		func(s *client.Stats) uint64 { return s.Duplicates }),
	counter("bad_events_total", "Events that went to the dead-letter log.",
		func(s *client.Stats) uint64 { return s.Bad }),
	counter("records_total", "Records appended to shard logs.",
		func(s *client.Stats) uint64 { return s.Records }),
	counter("record_bytes_total", "Bytes of the records appended to shard logs.",
		func(s *client.Stats) uint64 { return s.RecordBytes }),
	{prometheus.NewDesc("quadrille_append_seconds_total", "Time for which appends were under way, summed.", nil, nil),
		prometheus.CounterValue, func(s *client.Status) float64 { return time.Duration(s.Stats.AppendNanos).Seconds() }},
	counter("appends_refused_total", "Appends refused because the tail was not the expected one.",
		func(s *client.Stats) uint64 { return s.AppendRefused }),
	counter("appends_unknown_total", "Appends that got no answer.",
		func(s *client.Stats) uint64 { return s.AppendUnknown }),
	counter("shard_claims_total", "Shards claimed.",
		func(s *client.Stats) uint64 { return s.Claims }),
	counter("shard_claim_tries_total", "Claims sent to be appended; far more than shard_claims_total say that claims fail.",
		func(s *client.Stats) uint64 { return s.ClaimTries }),
	counter("shard_yields_total", "Shards given up.",
		func(s *client.Stats) uint64 { return s.Yields }),
	counter("shard_halts_total", "Shards halted because their log is damaged.",
		func(s *client.Stats) uint64 { return s.Halted }),
	counter("members_proposed_failed_total", "Members that this node proposed as failed.",
		func(s *client.Stats) uint64 { return s.ProposedFailed }),
	gauge("ready", "1 if this node can commit to every shard that it owns, else 0.",
		func(s *client.Status) float64 { return one(s.Ready) }),
	gauge("degraded", "1 if anything of the pipeline is not as it should be, as far as this node knows, else 0.",
		func(s *client.Status) float64 { return one(len(s.Degraded) > 0) }),
	gauge("members_absent", "Nodes that were taken for dead and have neither come back nor left.",
		func(s *client.Status) float64 { return float64(len(s.Absent)) }),
	gauge("oldest_batch_seconds", "Age of the oldest batch of this node's doors without an answer.",
		func(s *client.Status) float64 { return float64(s.Stats.OldestMillis) / 1000 }),
	gauge("engine_used_bytes", "Bytes that the engine of this node has stored.",
		func(s *client.Status) float64 { return float64(s.Engine.Storage.Used) }),
	gauge("engine_limit_bytes", "Most that the engine of this node may store; 0: the disk.",
		func(s *client.Status) float64 { return float64(s.Engine.Storage.Limit) }),
	gauge("engine_free_bytes", "Bytes that the disk of this node's engine has left.",
		func(s *client.Status) float64 { return float64(s.Engine.Storage.Free) }),
	gauge("engine_damages", "Damages found on this node's disk since its start.",
		func(s *client.Status) float64 { return float64(len(s.Engine.Damages)) }),
	gauge("control_epoch", "Epoch of the newest assignment that this node has installed.",
		func(s *client.Status) float64 { return float64(s.Epoch) }),
	gauge("members", "Nodes of the pipeline.", func(s *client.Status) float64 { return float64(len(s.Members)) }),
	gauge("members_alive", "Nodes of the pipeline that are heard.", func(s *client.Status) float64 {
		n := 0
		for _, m := range s.Members {
			if m.Alive {
				n++
			}
		}
		return float64(n)
	}),
	gauge("queries_running", "Queries that this node was asked and that run.", func(s *client.Status) float64 { return float64(s.Queries.Running) }),
	gauge("queries_waiting", "Queries that this node was asked and that wait to run.", func(s *client.Status) float64 { return float64(s.Queries.Waiting) }),
	gauge("queries_foreign", "Queries of other nodes that read shards of this one.", func(s *client.Status) float64 { return float64(s.Queries.Foreign) }),
	gauge("queries_memory_bytes", "Bytes that queries hold at this node, about.", func(s *client.Status) float64 { return float64(s.Queries.Memory) }),
	gauge("owned_shards", "Shards that this node owns by the assignment.", func(s *client.Status) float64 {
		n := 0
		for _, shard := range s.Shards {
			if shard.Owner == s.Node {
				n++
			}
		}
		return float64(n)
	}),
}

var (
	shardQuads = prometheus.NewDesc("quadrille_shard_quads",
		"Quads in this node's store of the shard.", []string{"shard"}, nil)
	shardPosition = prometheus.NewDesc("quadrille_shard_position",
		"Log position of this node's store of the shard.", []string{"shard"}, nil)
	shardState = prometheus.NewDesc("quadrille_shard_state",
		"1 for the state in which the shard is on this node.", []string{"shard", "state"}, nil)
	shardLetters = prometheus.NewDesc("quadrille_shard_dead_letters",
		"Dead letters of the shard that are open, in this node's copy.", []string{"shard"}, nil)
	streamQuorum = prometheus.NewDesc("quadrille_engine_stream_quorum",
		"1 if a stream of the engine takes appends: it has a leader that reaches a majority, and room; else 0.",
		[]string{"stream"}, nil)
	streamReplicas = prometheus.NewDesc("quadrille_engine_stream_replicas",
		"Copies of a stream of the engine, by state; \"missing\" is what lacks to the number that there should be.",
		[]string{"stream", "state"}, nil)
	sinkPosition = prometheus.NewDesc("quadrille_sink_position",
		"Log position up to which the sink has written the shard.", []string{"sink", "shard"}, nil)
	sinkFailing = prometheus.NewDesc("quadrille_sink_failing_shards",
		"Shards that the sink could not write and tries again.", []string{"sink"}, nil)
	sourceRunning = prometheus.NewDesc("quadrille_source_running",
		"1 if the source runs on this node, else 0: it runs where its home shard is owned.", []string{"source"}, nil)
	sourceFailing = prometheus.NewDesc("quadrille_source_failing",
		"1 if the source could not go on and is tried again, else 0.", []string{"source"}, nil)
	sourceMessages = prometheus.NewDesc("quadrille_source_messages_total",
		"Messages of the source that were committed by this node.", []string{"source"}, nil)
	sourcePaused = prometheus.NewDesc("quadrille_source_paused",
		"1 if somebody has paused the source, else 0.", []string{"source"}, nil)
	sourceRate = prometheus.NewDesc("quadrille_source_messages_per_second",
		"Messages of the source that this node committed, a second, within the last ten seconds.", []string{"source"}, nil)
	sourceLag = prometheus.NewDesc("quadrille_source_lag_messages",
		"Messages that the source's peer has and that are not committed, where the source runs and its peer can tell.", []string{"source"}, nil)
	sourceLagBytes = prometheus.NewDesc("quadrille_source_lag_bytes",
		"Bytes that the source's files have and that are not committed, where the source runs.", []string{"source"}, nil)
	sourceBehind = prometheus.NewDesc("quadrille_source_lag_seconds",
		"Age of the last message that is committed, or where messages have no time how long one is known to wait, while there is a lag.",
		[]string{"source"}, nil)
	sourceRetries = prometheus.NewDesc("quadrille_source_retries",
		"Errors of the source since something last succeeded.", []string{"source"}, nil)
	sinkPaused = prometheus.NewDesc("quadrille_sink_paused",
		"1 if somebody has paused the sink, else 0.", []string{"sink"}, nil)
	sinkRate = prometheus.NewDesc("quadrille_sink_records_per_second",
		"Records that this node wrote to the sink, a second, within the last ten seconds.", []string{"sink"}, nil)
	sinkLag = prometheus.NewDesc("quadrille_sink_lag_positions",
		"Log positions of the shard that the sink's target doesn't have.", []string{"sink", "shard"}, nil)
	sinkBehind = prometheus.NewDesc("quadrille_sink_lag_seconds",
		"Age of the oldest record of the shard that is not written.", []string{"sink", "shard"}, nil)
	sinkRetries = prometheus.NewDesc("quadrille_sink_retries",
		"Errors of the sink, for the shard, since something was last written.", []string{"sink", "shard"}, nil)
	sourceRejected = prometheus.NewDesc("quadrille_source_rejected_total",
		"Messages of the source that became dead letters.", []string{"source"}, nil)
)

// Describe implements [prometheus.Collector].
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, v := range values {
		out <- v.desc
	}
	for _, desc := range []*prometheus.Desc{shardQuads, shardPosition, shardLetters, shardState, streamQuorum, streamReplicas,
		sourceRunning, sourceFailing, sourceMessages, sourceRejected, sourcePaused, sourceRate, sourceLag, sourceLagBytes, sourceBehind, sourceRetries,
		sinkPosition, sinkFailing, sinkPaused, sinkRate, sinkLag, sinkBehind, sinkRetries} {
		out <- desc
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// collectStreams shows the streams of the engine.
func collectStreams(s *client.Status, out chan<- prometheus.Metric) {
	for _, st := range s.Engine.Streams {
		out <- prometheus.MustNewConstMetric(streamQuorum, prometheus.GaugeValue, one(st.Error == ""), st.Name)
		states := map[engine.ReplicaState]int{engine.Current: 0, engine.Behind: 0, engine.Offline: 0, engine.Unknown: 0}
		for _, r := range st.Replicas {
			states[r.State]++
		}
		states["missing"] = max(st.Expected-len(st.Replicas), 0)
		for state, n := range states {
			out <- prometheus.MustNewConstMetric(streamReplicas, prometheus.GaugeValue, float64(n), st.Name, string(state))
		}
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(out chan<- prometheus.Metric) {
	status := c.status()
	for _, v := range values {
		out <- prometheus.MustNewConstMetric(v.desc, v.kind, v.of(&status))
	}
	for _, s := range status.Shards {
		if s.State == "" || s.State == "none" {
			continue // thousands of shards that are elsewhere would be noise
		}
		shard := strconv.Itoa(s.Shard)
		out <- prometheus.MustNewConstMetric(shardQuads, prometheus.GaugeValue, float64(s.Quads), shard)
		out <- prometheus.MustNewConstMetric(shardPosition, prometheus.GaugeValue, float64(s.Position), shard)
		out <- prometheus.MustNewConstMetric(shardLetters, prometheus.GaugeValue, float64(s.Letters), shard)
		out <- prometheus.MustNewConstMetric(shardState, prometheus.GaugeValue, 1, shard, s.State)
	}
	collectStreams(&status, out)
	collectConnectors(&status, out)
}

// collectConnectors shows the sources and sinks.
func collectConnectors(status *client.Status, out chan<- prometheus.Metric) {
	for _, s := range status.Sources {
		show := gauges(out, s.Name)
		show(sourceRunning, one(s.Running))
		show(sourceFailing, one(s.Failing != nil))
		show(sourcePaused, one(s.Switch.Paused))
		show(sourceRate, s.Rate)
		show(sourceRetries, float64(s.Retries))
		count := sourceLag
		if s.Lag != nil && s.Lag.Unit == client.UnitBytes {
			count = sourceLagBytes
		}
		showLag(show, count, sourceBehind, s.Lag)
		out <- prometheus.MustNewConstMetric(sourceMessages, prometheus.CounterValue, float64(s.Messages), s.Name)
		out <- prometheus.MustNewConstMetric(sourceRejected, prometheus.CounterValue, float64(s.Rejected), s.Name)
	}
	for _, s := range status.Sinks {
		show := gauges(out, s.Name)
		show(sinkFailing, float64(len(failingShards(&s))))
		show(sinkPaused, one(s.Switch.Paused))
		show(sinkRate, s.Rate)
		for _, shard := range s.Shards {
			show := gauges(out, s.Name, strconv.Itoa(shard.Shard))
			if shard.Position != nil {
				show(sinkPosition, float64(*shard.Position))
			}
			show(sinkRetries, float64(shard.Retries))
			showLag(show, sinkLag, sinkBehind, shard.Lag)
		}
	}
}

// gauges returns what shows gauges with these labels.
func gauges(out chan<- prometheus.Metric, labels ...string) func(*prometheus.Desc, float64) {
	return func(desc *prometheus.Desc, value float64) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
}

// showLag shows what is known of a lag. Where nothing is behind, that is no second.
func showLag(show func(*prometheus.Desc, float64), count, seconds *prometheus.Desc, lag *client.Lag) {
	if lag == nil {
		return
	}
	show(count, float64(lag.Count))
	switch {
	case lag.Count == 0:
		show(seconds, 0)
	case lag.Seconds != nil:
		show(seconds, *lag.Seconds)
	}
}
