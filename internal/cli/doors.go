package cli

import (
	"cmp"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/client"
)

// defaultURL is where a node is that nobody has named.
const defaultURL = "http://127.0.0.1:7375"

// doors are the flags of commands that talk to nodes.
type doors struct {
	URL   []string `placeholder:"URL" default:"http://127.0.0.1:7375" help:"Node to talk to. Give several: when one fails, the next is tried."`
	Token string   `placeholder:"TOKEN" help:"Token of the nodes; rather set it by the environment."`
	TLSCA string   `name:"tls-ca" placeholder:"FILE" help:"PEM file of the certificates to trust instead of the system's."`
}

// client returns a client for the doors, after a look at the flags.
func (d *doors) client() (*client.Client, error) {
	if len(d.URL) == 0 {
		return nil, usagef("--url: expected the address of a node, such as http://127.0.0.1:7375")
	}
	for _, text := range d.URL {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil ||
			u.RawQuery != "" || u.Fragment != "" {
			return nil, usagef("--url=%s: expected http://HOST:PORT or https://HOST:PORT", text)
		}
	}
	if d.TLSCA == "" {
		return client.New(d.Token), nil
	}
	pool, err := client.ReadRoots(d.TLSCA)
	if err != nil {
		return nil, err
	}
	return client.New(d.Token, client.WithRoots(pool)), nil
}

// patienceFlag is for commands that try again.
type patienceFlag struct {
	Patience time.Duration `default:"60s" help:"How long to go on trying when no node answers."`
}

// askFlags are those of a command that asks, and as a rule wants to hear at once that nobody answers.
type askFlags struct {
	doors
	Patience time.Duration `default:"0s" help:"How long to go on trying when no node answers."`
}

// questionFlags are askFlags for an answer that may be JSON.
type questionFlags struct {
	askFlags
	JSON bool `name:"json" env:"-" help:"Print a JSON object instead of text."`
}

// orData is an error if a node is named beside the data of files.
func (d *doors) orData() error {
	if own := cmp.Or(os.Getenv("QUADRILLE_URL"), defaultURL); strings.Join(d.URL, ",") != own {
		return usagef("--data and --url: expected one of them")
	}
	return nil
}
