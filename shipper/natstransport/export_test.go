package natstransport

// MaxAsks is how many requests of a transport are under way at a time.
const MaxAsks = maxAsks
