package jetstream

import (
	"crypto/subtle"

	"github.com/nats-io/nats-server/v2/server"
)

// Login says who a connection to a server is, and so what it may do: nothing but what is listed, and nothing at all without one.
// None may remove a stream, move or restore one, or have a server or a replica taken out of the cluster.
type Login string

const (
	// Logs is for who opens a pipeline ([Open]).
	Logs Login = "logs"
	// Events is for who carries events and requests between nodes (package natstransport). It reaches no log and no stream.
	Events Login = "events"
)

// inbox begins the subjects on which a login gets its answers; no other login can listen there.
func (l Login) inbox() string { return "_INBOX." + string(l) }

// rights are the subjects that a connection may publish to and listen on.
type rights struct{ publish, listen []string }

// rightsOf are those of each login, for all pipelines.
var rightsOf = map[Login]rights{
	Logs: {
		publish: []string{
			"quadrille.*.*.log.*", "quadrille.*.*.trim.*", "quadrille.*.*.barrier", "quadrille.*.beat", "$O.*.C.*", "$O.*.M.*",
			"$JS.API.STREAM.INFO.*", "$JS.API.STREAM.CREATE.*", "$JS.API.STREAM.UPDATE.*", "$JS.API.STREAM.PURGE.*",
			"$JS.API.STREAM.MSG.GET.*", "$JS.API.STREAM.LEADER.STEPDOWN.*", "$JS.API.DIRECT.GET.*",
		},
		listen: []string{"quadrille.*.*.feed.*", "quadrille.*.beat", "$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.*", "_INBOX.logs.>"},
	},
	Events: {
		publish: []string{"quadrille.*.node.*.in", "quadrille.*.node.*.ask", "_INBOX.events.>"},
		listen:  []string{"quadrille.*.node.*.in", "quadrille.*.node.*.ask", "_INBOX.events.>"},
	},
}

// authenticator lets those in who log in, each with the rights of its login.
type authenticator struct{ secret Secret }

// Check implements [server.Authentication].
func (a authenticator) Check(c server.ClientAuthentication) bool {
	given := c.GetOpts()
	login := Login(given.Username)
	may, known := rightsOf[login]
	if !known || subtle.ConstantTimeCompare([]byte(given.Password), []byte(a.secret.password(login))) != 1 {
		return false
	}
	c.RegisterUser(&server.User{Username: string(login), Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: may.publish},
		Subscribe: &server.SubjectPermission{Allow: may.listen},
	}})
	return true
}
