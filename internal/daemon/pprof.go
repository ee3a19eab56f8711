package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/quadrille-stream/quadrille/internal/loopback"
)

const (
	// profilesPath is where the profiles are, as Go's tools expect.
	profilesPath = "/debug/pprof/"
	// longestProfile bounds the time over which a profile or a trace is taken.
	longestProfile = 2 * time.Minute
)

// checkPprof refuses an address at which others could have the node profiled: it has no tokens, and tells what the program does.
func checkPprof(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	switch {
	case err != nil:
		return fmt.Errorf("{http.pprof} %q: expected HOST:PORT, such as 127.0.0.1:6060", address)
	case !loopback.Is(host):
		return fmt.Errorf("{http.pprof} %q: profiles are given on loopback alone, such as 127.0.0.1:6060; "+
			"from another machine use a tunnel (ssh -L)", address)
	}
	return nil
}

// serveProfiles answers at a listener of its own from the beginning, so that a start that takes long can be looked at, too. stop ends that.
// Without an address it does nothing.
func serveProfiles(address string, log *slog.Logger) (stop func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, notListening("--pprof", address, err)
	}
	server := &http.Server{Handler: profiles(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: longestProfile + time.Minute,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Warn("profiles are given no more", "error", err)
		}
	}()
	log.Info("profiles are given to whoever is on this machine", "at", "http://"+ln.Addr().String()+profilesPath)
	return func() {
		_ = server.Close()
		<-ended
	}, nil
}

// profiles answers for this machine's own addresses alone, so that no web page whose name leads here has a browser ask. The command line is not
// shown, since it may have secrets.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+profilesPath, pprof.Index)
	mux.HandleFunc("GET "+profilesPath+"profile", pprof.Profile)
	mux.HandleFunc("GET "+profilesPath+"trace", pprof.Trace)
	mux.HandleFunc("GET "+profilesPath+"symbol", pprof.Symbol)
	mux.HandleFunc("GET "+profilesPath+"cmdline", http.NotFound)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site := r.Header.Get("Sec-Fetch-Site")
		if !loopback.Is(loopback.Host(r.Host)) || r.Header.Get("Origin") != "" || site != "" && site != "none" && site != "same-origin" {
			http.Error(w, "profiles are for this machine: ask by the address of --pprof", http.StatusForbidden)
			return
		}
		if seconds, err := strconv.ParseFloat(r.FormValue("seconds"), 64); err == nil && seconds > longestProfile.Seconds() {
			http.Error(w, fmt.Sprintf("a profile takes %v at most", longestProfile), http.StatusBadRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
