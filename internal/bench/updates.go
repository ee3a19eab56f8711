package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/factory"
	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/patch"
)

// UpdatesConfig says what to send to which cluster. Each number is at least 1.
type UpdatesConfig struct {
	// Nodes is the number of nodes, to [cluster.MaxNodes], Shards that of shards.
	Nodes, Shards int
	// Clients send at the same time, each Updates requests one after the other, with one SPARQL Update each, of a subject of its own.
	Clients, Updates int
	// Args are further arguments of the nodes.
	Args []string
	// Sweep are the arguments that make this program call [cluster.Sweep].
	Sweep []string
	// Screen is told what goes on.
	Screen *terminal.Screen
}

// UpdatesResult is what was measured.
type UpdatesResult struct {
	// Updates were accepted in so many Seconds. PatchesPer is how many requests a second were accepted of as many RDF Patches, which make
	// the same changes, of the same clients, in the same run; Ratio is that of the updates to it.
	Nodes      int     `json:"nodes"`
	Shards     int     `json:"shards"`
	CPUs       int     `json:"cpus"`
	Clients    int     `json:"clients"`
	Updates    int     `json:"updates"`
	Seconds    float64 `json:"seconds"`
	PerSec     int     `json:"updates_per_second"`
	PatchesPer int     `json:"patches_per_second"`
	Ratio      float64 `json:"ratio_to_patches"`
	Retries    int     `json:"retries"`
}

// Updates measures SPARQL Updates that count, over HTTP, and checks that each has counted once. RDF Patches of the same changes go
// before, which shows what the updates themselves cost. It returns when nothing is left of the cluster.
func Updates(ctx context.Context, cfg UpdatesConfig) (r UpdatesResult, err error) {
	cfg.Screen.Say("starting %s", terminal.Count(cfg.Nodes, "node"))
	nodes, err := cluster.Start(ctx, cluster.Config{Sweep: cfg.Sweep, Nodes: cfg.Nodes, Shards: cfg.Shards, Args: cfg.Args})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, nodes.Stop()) }()
	u := &updates{cfg: cfg, client: client.New("")}
	defer u.client.Close()
	patches, err := u.run(ctx, nodes.Doors(), "patches", client.TypePatch, patchOf)
	if err != nil {
		return r, errors.Join(err, nodes.Err())
	}
	m, err := u.run(ctx, nodes.Doors(), "updates", patch.UpdateMediaType, updateOf)
	if err != nil {
		return r, errors.Join(err, nodes.Err())
	}
	r = UpdatesResult{
		Nodes: cfg.Nodes, Shards: cfg.Shards, CPUs: runtime.NumCPU(), Clients: cfg.Clients, Updates: m.Accepted, Seconds: m.Took.Seconds(),
		PerSec: int(m.Rate()), PatchesPer: int(patches.Rate()), Ratio: m.Rate() / patches.Rate(), Retries: m.Retries,
	}
	return r, u.counted(ctx, nodes.Doors()[0])
}

// updates is one run of the measurement.
type updates struct {
	cfg    UpdatesConfig
	client *client.Client
}

const countedValue = `"%d"^^<http://www.w3.org/2001/XMLSchema#integer>`

// updateOf is the update of a client, which adds 1 to what its subject counts.
func updateOf(client, _ int) string {
	return fmt.Sprintf("PREFIX b: <urn:quadrille:bench:> DELETE { b:updates%[1]d b:n ?n } INSERT { b:updates%[1]d b:n ?m } "+
		"WHERE { OPTIONAL { b:updates%[1]d b:n ?n } BIND(COALESCE(?n, 0) + 1 AS ?m) }", client)
}

// patchOf is the patch that makes the same of a number, by who knows it.
func patchOf(client, number int) string {
	const row = "%s <urn:quadrille:bench:patches%d> <urn:quadrille:bench:n> " + countedValue + " .\n"
	return "TX .\n" + fmt.Sprintf(row, "D", client, number) + fmt.Sprintf(row, "A", client, number+1) + "TC .\n"
}

// run sends what body makes of the number of a client, and of those that it has sent.
func (u *updates) run(ctx context.Context, doors []string, what, mediaType string, body func(client, number int) string) (factory.Reading, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	all := u.cfg.Clients * u.cfg.Updates
	meter := factory.NewMeter(all)
	u.cfg.Screen.Say("sending %s %s", terminal.Grouped(all), what)
	meter.Start(time.Now())
	var group sync.WaitGroup
	for i := range u.cfg.Clients {
		group.Go(func() {
			session := client.NewSession(u.client, doors, i, patience)
			session.Retried = func(string, error) { meter.Retried() }
			for number := range u.cfg.Updates {
				if _, err := session.Submit(ctx, mediaType, fmt.Sprintf("bench-%s-%d-%d", what, i, number), []byte(body(i, number))); err != nil {
					cancel(fmt.Errorf("client %d, request %d of %s: %w", i, number, what, err))
					return
				}
				meter.Accept(time.Now(), 1)
			}
		})
	}
	group.Wait()
	return meter.Read(), context.Cause(ctx)
}

// counted checks that every client's subjects have counted what was sent.
func (u *updates) counted(ctx context.Context, door string) error {
	data, err := u.client.Data(ctx, door)
	if err != nil {
		return err
	}
	defer data.Close()
	want, found := fmt.Sprintf(countedValue, u.cfg.Updates), 0
	lines := bufio.NewScanner(data)
	for lines.Scan() {
		if !strings.Contains(lines.Text(), want) {
			return fmt.Errorf("%d updates were accepted of each client, and the shards have %s", u.cfg.Updates, lines.Text())
		}
		found++
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if found != 2*u.cfg.Clients {
		return fmt.Errorf("%d clients have sent updates and patches, and the shards have %d quads", u.cfg.Clients, found)
	}
	return nil
}
