package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/internal/buildinfo"
)

// logStart tells what starts here, before anything can fail or wait.
func (d *daemon) logStart(ln net.Listener) {
	e, p, build := &d.Engine, &d.Pipeline, buildinfo.Get()
	d.log.Info("quadrille starts", "version", build.Version, "commit", cmp.Or(build.Commit, "unknown"), "node", d.Node.Name,
		"pipeline", p.Name, "shards", p.Shards, "key", p.Key, "http", d.address(ln), "data", d.folder())
	switch {
	case e.NATS != "":
		d.log.Info("the engine is that of others", "at", jetstream.RedactURLs(e.NATS), "replicas", numberOr(e.Replicas, "by the engine"))
	case e.Cluster != "":
		d.log.Info("the engine is embedded, a member of a cluster", "cluster", e.Cluster, "at", d.workersPort(),
			"members at", portText(e.Listen, e.ClusterPort), "routes", e.Routes, "replicas", cmp.Or(e.Replicas, defaultReplicas))
	default:
		d.log.Info("the engine is embedded, and alone", "at", d.workersPort(), "replicas", 1)
	}
}

// defaultReplicas is the number of copies in a cluster.
const defaultReplicas = 3

// folder is the data folder's whole name, for the log.
func (d *daemon) folder() string {
	if !d.keeps() {
		return "none"
	}
	if whole, err := filepath.Abs(d.Engine.Data); err == nil {
		return whole
	}
	return d.Engine.Data
}

func numberOr(n int, otherwise string) string {
	if n == 0 {
		return otherwise
	}
	return strconv.Itoa(n)
}

// workersPort is where nodes without an engine reach that of this one, for the log.
func (d *daemon) workersPort() string {
	e := &d.Engine
	switch {
	case e.Port > 0:
		return portText(e.Listen, e.Port)
	case e.Port < 0:
		return portText(e.Listen, 0)
	case e.Cluster != "":
		return portText(jetstream.DefaultHost, 0)
	}
	return "no port"
}

func portText(host string, port int) string {
	return net.JoinHostPort(host, numberOr(port, "any free port"))
}

// checkPorts finds a port of the embedded engine that another process has, which the engine would say in words of its own.
func (d *daemon) checkPorts() error {
	e := &d.Engine
	for _, p := range [...]struct {
		flag string
		port int
	}{{"--port", e.Port}, {"--cluster-port", e.ClusterPort}} {
		if p.port <= 0 || e.NATS != "" {
			continue
		}
		address := net.JoinHostPort(e.Listen, strconv.Itoa(p.port))
		ln, err := net.Listen("tcp", address)
		if err != nil {
			return notListening(p.flag, address, err)
		}
		if err := ln.Close(); err != nil {
			return err
		}
	}
	return nil
}

// notListening says why a port can't be had, and what to do.
func notListening(flag, address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: another process listens at %s: stop it, or choose another port (%d takes a free one): %w", flag, address,
			anyPort(flag), syscall.EADDRINUSE)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: this machine has no address %s: %w", flag, address, syscall.EADDRNOTAVAIL)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: this user may not listen at %s; ports above 1023 are for everybody: %w", flag, address, syscall.EACCES)
	}
	return fmt.Errorf("%s: %w", flag, err)
}

// anyPort is the value of a flag that takes any free port.
func anyPort(flag string) int {
	if flag == "--port" { // where 0 is none
		return -1
	}
	return 0
}

// advised puts behind an error of the start which setting may help.
func advised(err error) error {
	if errors.Is(err, jetstream.ErrNameTaken) {
		return fmt.Errorf("%w; stop it first, or give this node another name (--name)", err)
	}
	return err
}
