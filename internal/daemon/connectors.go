package daemon

import (
	"fmt"
	"path/filepath"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/file"
	httpsource "github.com/quadrille-stream/quadrille/connector/http"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
)

// connected are the sources and sinks of a node.
type connected struct {
	components []component
	sinks      map[string]api.Sink
	sources    map[string]func() api.SourceStatus
}

// connectors makes the sources and sinks that the document names; nothing is connected yet.
func (d *daemon) connectors(n *graph.Graph) (c connected, err error) {
	c.sinks, c.sources = map[string]api.Sink{}, map[string]func() api.SourceStatus{}
	for _, s := range d.Sinks {
		to, err := d.sink(s)
		if err != nil {
			return c, fmt.Errorf("sink %q: %w", s.Name, err)
		}
		sink := pipeline.NewSink(n, to, pipeline.SinkConfig{Name: s.Name, Logger: d.log})
		c.components = append(c.components, component{"sink " + s.Name, sink.Run})
		c.sinks[s.Name] = sink
	}
	for _, s := range d.Sources {
		from, err := d.source(s)
		if err != nil {
			return c, fmt.Errorf("source %q: %w", s.Name, err)
		}
		source := pipeline.NewSource(n, from, pipeline.SourceConfig{Name: s.Name, Logger: d.log})
		c.components = append(c.components, component{"source " + s.Name, source.Run})
		c.sources[s.Name] = func() api.SourceStatus {
			st := source.Status()
			return api.SourceStatus{Running: st.Running, Failing: st.Err != nil, Messages: st.Messages, Rejected: st.Rejected}
		}
	}
	return c, nil
}

func (d *daemon) sink(s config.Sink) (connector.Sink, error) {
	switch settings := s.Settings.(type) {
	case *config.FileSink:
		return file.New(file.Config{Dir: filepath.Clean(settings.Dir), MaxBatch: int(settings.MaxBatch), Logger: d.log})
	}
	return nil, fmt.Errorf("type %q is not built in", s.Type)
}

func (d *daemon) source(s config.Source) (connector.Source, error) {
	switch settings := s.Settings.(type) {
	case *config.HTTPSource:
		var opts []client.Option
		if settings.TLSCA != "" {
			roots, err := client.ReadRoots(settings.TLSCA)
			if err != nil {
				return nil, err
			}
			opts = append(opts, client.WithRoots(roots))
		}
		return httpsource.New(httpsource.Config{URL: settings.URL, Client: client.New(string(settings.Token), opts...)})
	}
	return nil, fmt.Errorf("type %q is not built in", s.Type)
}
