# What the scripts of this folder have in common. Each is called as NAME DIR PORT… [OPTION…], installs the peer's pinned version
# into a cache folder unless it is there, and becomes the peer: data and log in DIR, ports on loopback. It writes "ready" to its
# standard output when the peer answers, if only that it wants a password. The peer ends when the script's standard input does. Exit status 77: what it needs is not
# there.
cache=${QUADRILLE_PEERS:-$HOME/.cache/quadrille-peers}
mkdir -p "$cache"

# need TOOL…: they must be installed.
need() {
	for tool in "$@"; do
		command -v "$tool" >/dev/null || { echo "$tool is missing" >&2; exit 77; }
	done
}

# once NAME COMMAND…: makes the folder NAME of the cache, whole or not at all; COMMAND gets its path as the last argument.
once() {
	local name=$1
	shift
	(
		flock 9
		[ -e "$cache/$name" ] && exit 0
		rm -rf "$cache/$name.new"
		mkdir "$cache/$name.new"
		"$@" "$cache/$name.new" >&2 || { echo "$name can't be installed" >&2; exit 77; }
		mv "$cache/$name.new" "$cache/$name"
	) 9>"$cache/$name.lock"
}

# fuseki DIR: installs Apache Jena Fuseki 5.6.0, whose jar holds all of Jena.
fuseki() {
	mvn -B -q dependency:copy -Dartifact=org.apache.jena:jena-fuseki-server:5.6.0 -DoutputDirectory="$1" -Dmdep.useBaseVersion=true
}

# serve URL COMMAND…: becomes the command, which is ready when it answers there.
serve() {
	url=$1
	shift
	answers() { [[ $(curl -s -m 5 -o /dev/null -w '%{http_code}' "$url") == @(200|204|401) ]]; }
	become answers "$@"
}

# become PROBE COMMAND…: becomes the command, which is ready when the function PROBE succeeds.
become() {
	local probe=$1
	shift
	exec 3<&0 4>&1
	(
		until $probe; do
			kill -0 $$ 2>/dev/null || exit 1
			sleep 0.1
		done
		echo ready >&4
		exec 4>&-
		read -r _ <&3 || kill -9 $$ 2>/dev/null
	) </dev/null >/dev/null 2>&1 &
	exec "$@" >>"$dir/log" 2>&1 </dev/null 3<&- 4>&-
}
