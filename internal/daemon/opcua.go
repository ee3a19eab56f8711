package daemon

import (
	"errors"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/opcua"
	"github.com/quadrille-stream/quadrille/internal/config"
)

// opcuaSource makes a source of an OPC UA server. Its values are documents of JSON, so they need a mapping; how its nodes are made
// is RDF.
func (d *daemon) opcuaSource(mapped bool, s *config.OPCUASource) (connector.Source, error) {
	switch {
	case s.Structure && mapped:
		return nil, errors.New("structure is RDF: expected no mapping; for the values let there be another source, with one")
	case !s.Structure && !mapped:
		return nil, errors.New("values are documents of JSON: they need a mapping")
	case s.MaxNodes < 1 || s.QueueSize < 1 || s.MaxQueued < 1:
		return nil, errors.New("max-nodes, queue-size and max-queued: expected 1 or more")
	}
	return opcua.NewSource(opcua.SourceConfig{Connection: opcuaConnection(&s.OPCUAConnection), Nodes: s.Nodes, Trees: s.Trees,
		MaxNodes: s.MaxNodes, Publishing: s.Publishing, Sampling: s.Sampling, Queue: s.QueueSize, Deadband: s.Deadband,
		Percent: s.DeadbandType == "percent", Silence: s.Silence, MaxQueued: s.MaxQueued, Structure: s.Structure, NodeIRI: s.NodeIRI, Logger: d.log})
}

func opcuaConnection(c *config.OPCUAConnection) opcua.Connection {
	return opcua.Connection{URL: c.URL, Policy: c.SecurityPolicy, Sign: c.SecurityMode == "Sign", PKI: c.PKI, User: c.User,
		Password: string(c.Password), UserCertificate: c.UserCertificate, UserKey: c.UserKey, Timeout: c.Timeout}
}
