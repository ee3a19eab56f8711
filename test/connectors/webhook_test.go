package connectors

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/logtext"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

// runPython runs a program of an example, whose process ends with the test or when stop is called.
func runPython(t *testing.T, program string, port int, to *logtext.Text) (stop func()) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil && os.Getenv("QUADRILLE_PEERS_REQUIRED") != "1" {
		t.Skip("no python3")
	}
	cmd := exec.Command(python, "../../examples/"+program, strconv.Itoa(port))
	cmd.Stdout, cmd.Stderr = to, to
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	t.Cleanup(stop)
	return stop
}

// TestExampleWebhook: what is published comes to the receiver, also what was published while it was away.
func TestExampleWebhook(t *testing.T) {
	t.Setenv("WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	free, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	var out logtext.Text
	stop := runPython(t, "webhook/receiver.py", free[0], &out)
	node := runExample(t, "webhook", func(d *config.Document) {
		settings := d.Sinks[0].Settings.(*config.WebhookSink) //nolint:forcetypeassert // the example's
		settings.URL = strings.Replace(settings.URL, ":8001", ":"+strconv.Itoa(free[0]), 1)
	})
	row := func(speed string) string { return "A <urn:pump> <urn:speed> \"" + speed + "\" .\n" }
	for _, speed := range []string{"17", "18", "19"} {
		post(t, node+"/v1/changes", "application/rdf-patch", "TX .\n"+row(speed)+"TC .\n")
		if speed == "18" {
			stop = runPython(t, "webhook/receiver.py", free[0], &out)
		}
		eventually(t, speed, func() bool { return strings.Contains(out.String(), row(speed)) })
		if speed == "17" {
			stop()
		}
	}
	stop()
	// What was printed, and not answered when the receiver was ended, comes again: the next one has forgotten that it had it.
	if got := slices.Compact(rows(out.String(), "A ")); strings.Join(got, "") != row("17")+row("18")+row("19") {
		t.Errorf("%q", out.String())
	}
}
