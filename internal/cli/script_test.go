package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/internal/cli"
)

// raceOptions keeps the race detector from waiting a second at the end of each process.
const raceOptions = "GORACE=atexit_sleep_ms=0"

// bound is the time that anything in a script may take.
const bound = 2 * time.Minute

func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){
		"quadrille": func() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		"measured":  func() { os.Exit(measured()) },
	})
}

// leakChecked fails when the tests leave a goroutine behind.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// TestScripts runs the sessions of testdata. Beside the commands of testscript they have:
//
//	node NAME ARG…            starts "quadrille serve" and waits until it is ready; sets $NAME_URL and $NAME_ENGINE, and
//	                          QUADRILLE_URL, so that commands talk to it
//	end NAME                  asks it to end, which it must do with status 0
//	crash NAME                kills it
//	exits N COMMAND ARG…      runs a command that must end with status N
//	until PATTERN COMMAND ARG…
//	                          runs a command again and again until its output matches
//	http STATUS METHOD PATH [FILE|-] [HEADER=VALUE…]
//	                          sends a request to the node, with the file as its body, and expects that status
//	compress FILE             makes FILE.gz and FILE.zst
//	alter FILE                flips a bit in the middle of it
//	fill FILE                 puts the environment's values in place of $NAME
//	certificate               makes cert.pem and key.pem for 127.0.0.1
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"node": startNode, "end": endNode, "crash": crashNode, "exits": exits, "until": until, "listens": listens, "mode": mode, "hangup": hangup,
			"http":     request,
			"compress": compress, "certificate": certificate, "alter": alter, "fill": fill,
		},
		Setup: func(e *testscript.Env) error {
			e.Values[nodesKey{}] = map[string]*process{}
			e.Vars = append(e.Vars, raceOptions)
			return nil
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

type nodesKey struct{}

// process is a node of a script.
type process struct {
	cmd  *exec.Cmd
	log  *bytes.Buffer
	done chan struct{}
	err  error // once done is closed
}

func nodes(ts *testscript.TestScript) map[string]*process {
	return ts.Value(nodesKey{}).(map[string]*process)
}

// command makes a command in the script's folder and environment.
func command(ts *testscript.TestScript, args ...string) *exec.Cmd {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "WORK", "QUADRILLE_URL", "QUADRILLE_TOKEN", "QUADRILLE_TLS_CA",
		"GORACE", "QUADRILLE_NAME", "QUADRILLE_SHARDS", "QUADRILLE_CONFIG", "QUADRILLE_LOG_LEVEL", "QUADRILLE_SECRET"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	path := args[0]
	for dir := range strings.SplitSeq(ts.Getenv("PATH"), string(os.PathListSeparator)) {
		if _, err := os.Stat(dir + "/" + path); err == nil {
			path = dir + "/" + path
			break
		}
	}
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), env
	return cmd
}

func startNode(ts *testscript.TestScript, _ bool, args []string) {
	name := args[0]
	cmd := command(ts, append([]string{"quadrille", "serve", "--name", name, "--http", "127.0.0.1:0", "--data",
		ts.MkAbs("data-" + name)}, args[1:]...)...)
	p := &process{cmd: cmd, log: &bytes.Buffer{}, done: make(chan struct{})}
	cmd.Stderr = p.log
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	line := make(chan string, 1)
	go func() {
		defer close(p.done)
		text, _ := bufio.NewReader(out).ReadString('\n')
		line <- text
		_, _ = io.Copy(io.Discard, out)
		p.err = cmd.Wait()
	}()
	nodes(ts)[name] = p
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		<-p.done
		ts.Logf("log of %s:\n%s", name, p.log)
	})
	select {
	case text := <-line:
		var at, engine string
		_, err := fmt.Sscanf(text, "quadrille: node "+name+" is ready at %s engine ", &at)
		if err != nil {
			_ = cmd.Process.Kill()
			<-p.done
			ts.Fatalf("node %s said %q (%v) and ended with %v", name, text, err, p.err)
		}
		at = strings.TrimSuffix(at, ",")
		_, engine, _ = strings.Cut(strings.TrimSpace(text), " engine at ")
		ts.Setenv(name+"_URL", at)
		ts.Setenv(name+"_ENGINE", engine)
		ts.Setenv("QUADRILLE_URL", at)
	case <-time.After(bound):
		ts.Fatalf("node %s was not ready within %v", name, bound)
	}
}

// hangup sends SIGHUP to a node.
func hangup(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(nodes(ts)[args[0]].cmd.Process.Signal(syscall.SIGHUP))
}

// listens checks how many ports the process of a node has open.
func listens(ts *testscript.TestScript, _ bool, args []string) {
	if runtime.GOOS != "linux" { // where the kernel shows them as files
		return
	}
	open := map[string]bool{} // by inode
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile("/proc/net/" + table)
		if table != "tcp" && errors.Is(err, os.ErrNotExist) {
			continue
		}
		ts.Check(err)
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && (f[3] == "0A" || strings.HasPrefix(table, "udp")) {
				open["socket:["+f[9]+"]"] = true
			}
		}
	}
	dir := fmt.Sprintf("/proc/%d/fd/", nodes(ts)[args[0]].cmd.Process.Pid)
	files, err := os.ReadDir(dir)
	ts.Check(err)
	count := 0
	for _, f := range files {
		if to, err := os.Readlink(dir + f.Name()); err == nil && open[to] {
			count++
		}
	}
	if strconv.Itoa(count) != args[1] {
		ts.Fatalf("node %s has %d ports open, want %s", args[0], count, args[1])
	}
}

// mode checks the permissions of a file or folder.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[0] && runtime.GOOS != "windows" {
		ts.Fatalf("%s has the mode %s, want %s", args[1], got, args[0])
	}
}

func endNode(ts *testscript.TestScript, _ bool, args []string) {
	p := nodes(ts)[args[0]]
	ts.Check(p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.done:
		ts.Check(p.err)
	case <-time.After(bound):
		ts.Fatalf("node %s did not end within %v", args[0], bound)
	}
}

func crashNode(ts *testscript.TestScript, _ bool, args []string) {
	p := nodes(ts)[args[0]]
	ts.Check(p.cmd.Process.Kill())
	<-p.done
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	cmd := command(ts, args[1:]...)
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	ts.Check(cmd.Start())
	late := time.AfterFunc(bound, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	late.Stop()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		ts.Fatalf("%v: %v", args, err)
	} else if code := cmd.ProcessState.ExitCode(); strconv.Itoa(code) != args[0] {
		ts.Fatalf("%v ended with status %d, %v", args[1:], code, exit)
	}
}

func until(ts *testscript.TestScript, _ bool, args []string) {
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(bound); ; <-poll.C {
		out, err := command(ts, args[1:]...).CombinedOutput()
		if err == nil && pattern.Match(out) {
			_, _ = ts.Stdout().Write(out)
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%v did not match %s within %v: %v\n%s", args[1:], pattern, bound, err, out)
		}
	}
}

func request(ts *testscript.TestScript, _ bool, args []string) {
	var body io.Reader
	if len(args) > 3 && args[3] != "-" {
		body = strings.NewReader(ts.ReadFile(args[3]))
	}
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, args[1], ts.Getenv("QUADRILLE_URL")+args[2], body)
	ts.Check(err)
	for _, header := range args[min(4, len(args)):] {
		name, value, _ := strings.Cut(header, "=")
		r.Header.Set(name, value)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	out := ts.Stdout()
	for name := range answer.Header {
		fmt.Fprintf(out, "%s: %s\n", name, answer.Header.Get(name))
	}
	fmt.Fprintf(out, "\n%s", text)
	if strconv.Itoa(answer.StatusCode) != args[0] {
		ts.Fatalf("%v: %s\n%s", args[1:], answer.Status, text)
	}
}

func compress(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	var gz, zst bytes.Buffer
	w := gzip.NewWriter(&gz)
	_, err := io.WriteString(w, text)
	ts.Check(errors.Join(err, w.Close()))
	z, err := zstd.NewWriter(&zst)
	ts.Check(err)
	_, err = io.WriteString(z, text)
	ts.Check(errors.Join(err, z.Close()))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".gz"), gz.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".zst"), zst.Bytes(), 0o600))
}

func alter(ts *testscript.TestScript, _ bool, args []string) {
	content := []byte(ts.ReadFile(args[0]))
	content[len(content)/2] ^= 8
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), content, 0o600))
}

func fill(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o600))
}

func certificate(ts *testscript.TestScript, _ bool, _ []string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true,
		BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ts.Check(err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	write := func(name, kind string, der []byte) {
		ts.Check(os.WriteFile(ts.MkAbs(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	write("cert.pem", "CERTIFICATE", cert)
	write("key.pem", "PRIVATE KEY", der)
}
