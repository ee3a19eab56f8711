package daemon

import (
	"crypto/x509"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/file"
	httpsource "github.com/quadrille-stream/quadrille/connector/http"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
	"github.com/quadrille-stream/quadrille/mapping"
)

// connected are the sources and sinks of a node.
type connected struct {
	components []component
	sources    []func() client.SourceStatus
	sinks      []func() client.SinkStatus
}

// connectors makes the sources and sinks that the document names; nothing is connected yet.
func (d *daemon) connectors(n *graph.Graph) (c connected, err error) {
	for _, s := range d.Sinks {
		to, err := d.sink(s)
		if err != nil {
			return c, fmt.Errorf("sink %q: %w", s.Name, err)
		}
		sink := pipeline.NewSink(n, to, pipeline.SinkConfig{Name: s.Name, Logger: d.log})
		c.components = append(c.components, component{"sink " + s.Name, sink.Run})
		c.sinks = append(c.sinks, func() client.SinkStatus { return sinkStatus(s.Name, sink) })
	}
	for _, s := range d.Sources {
		from, err := d.source(s, n)
		if err != nil {
			return c, fmt.Errorf("source %q: %w", s.Name, err)
		}
		mapped, err := d.mapped(s)
		if err != nil {
			return c, fmt.Errorf("source %q: %w", s.Name, err)
		}
		source := pipeline.NewSource(n, from, pipeline.SourceConfig{Name: s.Name, Map: mapped, Logger: d.log})
		c.components = append(c.components, component{"source " + s.Name, source.Run})
		c.sources = append(c.sources, func() client.SourceStatus { return sourceStatus(s.Name, source) })
	}
	return c, nil
}

// mapped returns what makes changes of a source's messages; nil if they are changes.
func (d *daemon) mapped(s config.Source) (func(connector.Message) (graph.Submission, error), error) {
	if s.Mapping == "" {
		return nil, nil
	}
	m, err := d.Mappings.Get(s.Mapping)
	if err != nil {
		return nil, err
	}
	return func(msg connector.Message) (graph.Submission, error) {
		body, err := m.AppendPatch(nil, mapping.Message{Body: msg.Body, Vars: varsOf(s.Name, msg)})
		return graph.Submission{MediaType: graph.TypeReplace, Body: body}, err
	}, nil
}

// varsOf is what a mapping can know of a message besides its body.
func varsOf(source string, msg connector.Message) map[string]string {
	vars := map[string]string{"source": source, "stream": msg.Stream, "media-type": msg.MediaType}
	if msg.Stream != "" {
		vars["offset"] = strconv.FormatUint(msg.Offset, 10)
	}
	if !msg.Time.IsZero() {
		vars["time"] = msg.Time.UTC().Format(time.RFC3339Nano)
	}
	if msg.Vars != nil {
		maps.Insert(vars, msg.Vars)
	}
	return vars
}

// sourceStatus is how a source is, as it goes over the wire.
func sourceStatus(name string, s *pipeline.Source) client.SourceStatus {
	st := s.Status()
	return client.SourceStatus{Name: name, Home: st.Home, Running: st.Running, Messages: st.Messages, Rejected: st.Rejected,
		Failing: failureOf(st.Failure)}
}

// sinkStatus is how a sink is, as it goes over the wire. A shard that could never be written has no position yet.
func sinkStatus(name string, s *pipeline.Sink) client.SinkStatus {
	out := client.SinkStatus{Name: name}
	positions, failures := s.Positions(), s.Failures()
	shards := maps.Clone(positions)
	for shard := range failures {
		shards[shard] = positions[shard]
	}
	for _, shard := range slices.Sorted(maps.Keys(shards)) {
		out.Shards = append(out.Shards, client.SinkShard{Shard: shard, Position: shards[shard], Failing: failureOf(failures[shard])})
	}
	return out
}

// failureOf is a failure as it goes over the wire; nil if there is none.
func failureOf(f pipeline.Failure) *client.Failure {
	if f.Err == nil {
		return nil
	}
	return &client.Failure{Since: f.Since, Error: f.Err.Error()}
}

func (d *daemon) sink(s config.Sink) (connector.Sink, error) {
	switch settings := s.Settings.(type) {
	case *config.FileSink:
		return file.New(file.Config{Dir: filepath.Clean(settings.Dir), MaxBatch: int(settings.MaxBatch), Logger: d.log})
	case *config.KafkaSink:
		return d.kafkaSink(s.Name, settings)
	case *config.MQTTSink:
		return d.mqttSink(s.Name, settings)
	case *config.SPARQLSink:
		return d.sparqlSink(s.Name, settings)
	}
	return nil, fmt.Errorf("type %q is not built in", s.Type)
}

// rootsOf reads the certificates to trust; nil, if there is no file, are the system's.
func rootsOf(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	return client.ReadRoots(file)
}

// source makes a source; n is nil where it is only checked.
func (d *daemon) source(s config.Source, n *graph.Graph) (connector.Source, error) {
	switch settings := s.Settings.(type) {
	case *config.HTTPSource:
		roots, err := rootsOf(settings.TLSCA)
		if err != nil {
			return nil, err
		}
		var opts []client.Option
		if roots != nil {
			opts = append(opts, client.WithRoots(roots))
		}
		return httpsource.New(httpsource.Config{URL: settings.URL, Client: client.New(string(settings.Token), opts...)})
	case *config.KafkaSource:
		return d.kafkaSource(s.Name, s.Mapping != "", settings)
	case *config.MQTTSource:
		return d.mqttSource(s.Name, s.Mapping != "", settings)
	case *config.SPARQLSource:
		return sparqlSource(settings, n)
	}
	return nil, fmt.Errorf("type %q is not built in", s.Type)
}
