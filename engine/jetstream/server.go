package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/internal/loopback"
)

// Defaults of [ServerConfig].
const (
	DefaultHost         = "127.0.0.1"
	DefaultPort         = 4222
	DefaultClusterPort  = 6222
	DefaultMaxPayload   = 1 << 20
	DefaultStartTimeout = 30 * time.Second
)

// routeReports is the number of attempts in vain to reach a server between two that are logged: about a minute's.
const routeReports = 240

// handshakeSeconds bounds the time in which who connects must have shown that it has the secret.
const handshakeSeconds = 5

// readyPoll is how often StartServer looks whether the server listens.
const readyPoll = 10 * time.Millisecond

// ServerConfig says how a NATS server runs inside this process. The zero value of a field is its default.
type ServerConfig struct {
	// Name of the server, unique in its cluster, and the same at every start on the same Dir. Required.
	Name string
	// Dir is the data folder; it is made if it is not there. One process at a time. Required.
	Dir string
	// Host is the address for clients. Default 127.0.0.1.
	Host string
	// Port for clients. Default 4222; -1: any free port.
	Port int
	// NoListen: no port for clients, only Connect. Not for members of a cluster: the server opens that port before the other.
	NoListen bool
	// Secret is asked of whoever connects, client or server. The same for all servers of a cluster, who need it. Default:
	// that of the file quadrille.secret in Dir, which is made for a server that stands alone and listens.
	Secret Secret

	// Cluster is the name of the cluster. Empty: the server stands alone, and the other cluster fields must be empty too.
	Cluster string
	// ClusterHost is the address for the other servers of the cluster. Default 127.0.0.1.
	ClusterHost string
	// ClusterPort is the port for the other servers. Default 6222; -1: any free port.
	ClusterPort int
	// Routes are the addresses of the other servers, as nats://host:clusterport. The own one may be among them.
	Routes []string

	// Election is the shortest time without a leader after which a server stands for election; the times of heartbeats and
	// of giving up follow from it. All servers of a cluster should have the same, and all of a process that
	// are members must.
	// [MinElection] to [MaxElection], or [StockElection]. Default [DefaultElection].
	Election time.Duration

	// MaxPayload is the largest message in bytes, headers included. Default 1 MiB.
	MaxPayload int
	// MaxStore bounds the bytes that are stored. Default: the disk. A part of it is kept for claims and control records; see
	// [Storage].
	MaxStore int64
	// NoSync leaves fsync to the operating system: an accepted append can be lost when the power goes. Only for
	// measurements.
	NoSync bool
	// StartTimeout bounds StartServer. Default 30 s.
	StartTimeout time.Duration
}

// Server is a NATS server with JetStream inside this process. All methods may be called concurrently.
type Server struct {
	ns   *server.Server
	lock *dirLock
	room *supervisor
	stop sync.Once

	supervising sync.WaitGroup
	unsupervise context.CancelFunc
	damages     []Damage // not changed after the start
	secret      Secret

	logins, pipelines atomic.Int32 // how often somebody has connected who may reach logs, and opened a pipeline
}

// StartServer starts a server and waits until it accepts connections, or ctx or StartTimeout ends. A member of a
// cluster accepts connections before the cluster has a leader; [Open] waits for that.
//
// It fails if another process uses Dir, and if Dir holds the data of another kind of server: the streams of a server
// that stood alone are not adopted by a cluster, nor the other way round. It fails with [ErrNameTaken] if a server with its name
// answers at one of the Routes, and if one of another cluster does.
//
// Before the server opens Dir, all of the logs in it are read, at about 900 MB/s per core. What is damaged is logged, told
// by [Server.Damages], and moved to Dir/damaged: the server would remove it. A member of a cluster then gets what it lacks
// from the others; a server that stands alone no longer has the stream.
//
// logger gets the server's log (nil: none). The server installs no signal handler.
func StartServer(ctx context.Context, cfg ServerConfig, logger *slog.Logger) (*Server, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := cfg.setElection(); err != nil {
		return nil, err
	}
	if err := cfg.greet(ctx, logger); err != nil {
		return nil, fmt.Errorf("NATS server %q in %s: %w", cfg.Name, cfg.Dir, err)
	}
	lock, err := openDir(cfg)
	if err != nil {
		return nil, err
	}
	opts, err := cfg.options()
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	damages, err := scrub(ctx, cfg, logger)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	fatal := make(chan error, 1)
	s := &Server{lock: lock, damages: damages, secret: opts.CustomClientAuthentication.(authenticator).secret}
	if s.ns, err = server.NewServer(opts); err != nil {
		return nil, errors.Join(fmt.Errorf("NATS server %q in %s: %w", cfg.Name, cfg.Dir, err), lock.release())
	}
	s.room = &supervisor{s: s, cfg: cfg, log: logger, failed: new(atomic.Bool)}
	s.ns.SetLoggerV2(&natsLogger{log: logger, fatal: fatal, writeFailed: s.room.failed}, logger.Enabled(ctx, slog.LevelDebug), false, false)
	s.ns.Start()
	if err := s.awaitReady(ctx, cfg, fatal); err != nil {
		s.Shutdown()
		return nil, fmt.Errorf("NATS server %q in %s: %w", cfg.Name, cfg.Dir, err)
	}
	s.supervise()
	return s, nil
}

// supervise looks at the disk and at the routes from now on, until Shutdown.
func (s *Server) supervise() {
	ctx, cancel := context.WithCancel(context.Background())
	s.unsupervise = cancel
	s.room.look()
	s.supervising.Go(func() { s.room.run(ctx) })
	if c := successionOf(s, s.room.cfg); c != nil {
		s.supervising.Go(func() { c.run(ctx) })
	}
}

func (s *Server) awaitReady(ctx context.Context, cfg ServerConfig, fatal <-chan error) error {
	limit := cfg.StartTimeout
	if limit <= 0 {
		limit = DefaultStartTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		select {
		case err := <-fatal:
			return err
		case <-ctx.Done():
			return fmt.Errorf("not ready for connections: %w", ctx.Err())
		default:
		}
		if s.ns.ReadyForConnections(readyPoll) && s.ns.JetStreamEnabled() {
			return nil
		}
	}
}

// check looks at what doesn't go together.
func (cfg ServerConfig) check() error {
	switch {
	case cfg.Name == "" || cfg.Dir == "":
		return errors.New("server configuration: Name and Dir are required")
	case cfg.Cluster == "" && (len(cfg.Routes) > 0 || cfg.ClusterPort != 0 || cfg.ClusterHost != ""):
		return errors.New("server configuration: Routes, ClusterHost and ClusterPort need the name of the Cluster")
	case cfg.Cluster != "" && cfg.NoListen:
		return errors.New("server configuration: NoListen is for a server that stands alone; a member of a cluster begins its " +
			"routes when it listens to clients")
	}
	return nil
}

// options is cfg in the words of the NATS server. It is called by who holds the lock of Dir, in which the secret may be made.
func (cfg ServerConfig) options() (*server.Options, error) {
	secret, err := cfg.secret()
	if err != nil {
		return nil, err
	}
	tls, err := secret.tls()
	if err != nil {
		return nil, err
	}
	opts := &server.Options{
		ServerName:             cfg.Name,
		Host:                   cmp.Or(cfg.Host, DefaultHost),
		Port:                   cmp.Or(cfg.Port, DefaultPort),
		DontListen:             cfg.NoListen,
		NoSigs:                 true,
		NoLog:                  true,
		MaxPayload:             int32(cmp.Or(cfg.MaxPayload, DefaultMaxPayload)),
		JetStream:              true,
		StoreDir:               filepath.Clean(cfg.Dir),
		JetStreamMaxStore:      cmp.Or(cfg.MaxStore, unlimited),
		SyncAlways:             !cfg.NoSync,
		DisableJetStreamBanner: true,

		CustomClientAuthentication: authenticator{secret},
		TLSConfig:                  tls,
		TLSTimeout:                 handshakeSeconds,
	}
	if cfg.Cluster == "" {
		return opts, nil
	}
	opts.ReconnectErrorReports = routeReports
	opts.Cluster = server.ClusterOpts{
		Name: cfg.Cluster,
		Host: cmp.Or(cfg.ClusterHost, DefaultHost),
		Port: cmp.Or(cfg.ClusterPort, DefaultClusterPort),

		TLSConfig:   tls.Clone(),
		TLSTimeout:  handshakeSeconds,
		NoAdvertise: loopback.Is(opts.Host), // clients on other machines would look for it on theirs
	}
	opts.Cluster.PingInterval, opts.Cluster.MaxPingsOut = cfg.routePings()
	for _, r := range cfg.Routes {
		u, err := url.Parse(r)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("server configuration: route %q is not of the form nats://host:port", r)
		}
		opts.Routes = append(opts.Routes, u)
	}
	return opts, nil
}

// routePings are the time between pings to other servers, and how many may be unanswered before the route to one is
// closed: a silence of twice the election time. A server that is heard but hears nobody stands for election without end,
// each time in a later term, for which the elected leader steps down; once it has closed its routes the others are rid of
// it. With the stock pings that takes one to two minutes.
func (cfg ServerConfig) routePings() (time.Duration, int) {
	d := cfg.election()
	if d == StockElection {
		return 0, 0
	}
	return d / 2, 3
}

func (cfg ServerConfig) election() time.Duration { return cmp.Or(cfg.Election, DefaultElection) }

// setElection sets the process's election time. A server that stands alone holds no elections: it takes whatever the process has.
func (cfg ServerConfig) setElection() error {
	if cfg.Cluster == "" && cfg.Election == 0 {
		return nil
	}
	return setElection(cfg.election())
}

// ClientURL is the address that clients in other processes connect to, with a [Secret.Login]; empty if it listens for none.
func (s *Server) ClientURL() string {
	if a := s.ns.Addr(); a != nil {
		return "nats://" + a.String()
	}
	return ""
}

// ClusterURL is the address for the Routes of other servers, and empty if the server stands alone.
func (s *Server) ClusterURL() string {
	if a := s.ns.ClusterAddr(); a != nil {
		return "nats://" + a.String()
	}
	return ""
}

// Damages are what was found wrong in the data folder at the start, by stream, and set aside. The slice is the caller's.
func (s *Server) Damages() []Damage { return slices.Clone(s.damages) }

// Name is the server's name.
func (s *Server) Name() string { return s.ns.Name() }

// Secret is the one that whoever connects must have.
func (s *Server) Secret() Secret { return s.secret }

// Connect opens a connection inside the process, for [Open]: no socket, no port. It reconnects without end until it is closed.
// opts are applied last. The caller closes the connection.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) { return s.connect(Logs, opts) }

// ConnectEvents is Connect for the connection that carries events.
func (s *Server) ConnectEvents(opts ...nats.Option) (*nats.Conn, error) {
	return s.connect(Events, opts)
}

func (s *Server) connect(as Login, opts []nats.Option) (*nats.Conn, error) {
	if as == Logs {
		s.logins.Add(1) // before it can do anything
	}
	all := append([]nats.Option{
		nats.InProcessServer(s.ns),
		s.secret.Login(as),
		nats.Name("quadrille " + s.ns.Name()),
		nats.MaxReconnects(-1),
		nats.Timeout(DefaultStartTimeout), // there is no other to turn to, and on a busy machine this one takes its time
	}, opts...)
	nc, err := nats.Connect("", all...)
	if err != nil {
		return nil, fmt.Errorf("connect inside the process to NATS server %q: %w", s.ns.Name(), err)
	}
	return nc, nil
}

// isSole reports whether there is nobody but the one user of the one pipeline that was opened who could append to its logs: no other process
// reaches the server, and in this one nobody else has connected to it. It is never true again once it was false.
func (s *Server) isSole() bool {
	return s != nil && s.room.cfg.NoListen && s.logins.Load() == 1 && s.pipelines.Load() == 1
}

// Shutdown hands over what the server leads, stops it, waits until it has stopped, and frees the data folder. Calls
// after the first wait for the first.
func (s *Server) Shutdown() {
	s.stop.Do(func() {
		if s.unsupervise != nil {
			s.unsupervise()
			s.supervising.Wait()
		}
		s.ns.Shutdown()
		s.ns.WaitForShutdown()
		_ = s.lock.release()
	})
}

// natsLogger writes the server's log to slog. NATS calls Fatalf when it cannot go on; that ends StartServer, not the
// process.
type natsLogger struct {
	log         *slog.Logger
	fatal       chan<- error
	writeFailed *atomic.Bool // set when a store says that it had no space for a write, after which it takes no more

	mu     sync.Mutex
	toldAt time.Time // when it was said last that secrets differ
}

// refusalEvery is the time between two messages that secrets differ: servers try again several times a second.
const refusalEvery = 10 * time.Second

// otherSecret reports whether a message says that one of two servers refused the other's certificate.
func otherSecret(text string) bool {
	_, why, route := strings.Cut(text, "TLS route handshake error: ")
	return route && (strings.Contains(why, "unknown authority") || strings.HasPrefix(why, "remote error") ||
		strings.Contains(why, "does not look like a TLS handshake"))
}

// refused says what is wrong, now and then.
func (l *natsLogger) refused(text string) {
	l.mu.Lock()
	due := time.Since(l.toldAt) >= refusalEvery
	if due {
		l.toldAt = time.Now()
	}
	l.mu.Unlock()
	if !due {
		l.log.Debug(text)
		return
	}
	l.log.Error("this server and another of the cluster refuse each other, since their secrets differ, or the other's version has none: "+
		"give all the same secret (engine.secret, QUADRILLE_SECRET, or the file "+SecretFile+" in the data folder), and start them again",
		"connection", text)
}

func (l *natsLogger) Noticef(f string, v ...any) { l.log.Info(fmt.Sprintf(f, v...)) }
func (l *natsLogger) Warnf(f string, v ...any)   { l.log.Warn(fmt.Sprintf(f, v...)) }

// Errorf takes a server that can't be reached for a warning: there are some whenever a cluster starts.
func (l *natsLogger) Errorf(f string, v ...any) {
	if text := strings.ToLower(fmt.Sprintf(f, v...)); l.writeFailed != nil && strings.Contains(text, "critical write error") &&
		strings.Contains(text, noSpace) {
		l.writeFailed.Store(true)
	}
	text := fmt.Sprintf(f, v...)
	switch {
	case strings.HasPrefix(f, "Error trying to connect to route"):
		l.log.Warn(text)
	case otherSecret(text):
		l.refused(text)
	case strings.Contains(text, "handshake error: ") && (strings.HasSuffix(text, ": EOF") || strings.HasSuffix(text, "reset by peer")):
		// somebody looks whether the port is open
		l.log.Debug(text)
	default:
		l.log.Error(text)
	}
}

func (l *natsLogger) Debugf(f string, v ...any) { l.log.Debug(fmt.Sprintf(f, v...)) }
func (l *natsLogger) Tracef(f string, v ...any) { l.log.Debug(fmt.Sprintf(f, v...)) }

func (l *natsLogger) Fatalf(f string, v ...any) {
	err := fmt.Errorf(f, v...)
	l.log.Error("NATS server cannot go on", "error", err, "pid", os.Getpid())
	select {
	case l.fatal <- err:
	default:
	}
}
