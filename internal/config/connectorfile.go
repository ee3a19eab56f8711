package config

import "time"

// FileSource reads files, and follows those that grow.
type FileSource struct {
	Paths      []string      `yaml:"paths" required:"" placeholder:"PATH" help:"Folders, whose files are read, or patterns for the names of files in one folder, such as /var/log/app*.rdfp. A pattern takes compressed files only if it ends with .gz, .zst or .bz2."`
	Format     string        `yaml:"format" placeholder:"MEDIA TYPE" help:"Media type of all files. Default: what the name of each says."`
	Header     bool          `yaml:"header" default:"true" help:"CSV: the first row of a file has the names of the columns, and goes before each row to the mapping."`
	Follow     bool          `yaml:"follow" default:"true" help:"Read files of lines and transactions while they grow; else each file is read when it is complete."`
	Order      string        `yaml:"order" enum:"name,time" default:"name" help:"Order of files that are there together (${enum}): of their names, or of their last changes, as for logs whose older ones have the higher numbers."`
	Settle     time.Duration `yaml:"settle" default:"5s" help:"Time without a change after which a file is complete that isn't followed, and one that is gone has ended."`
	OnGap      string        `yaml:"on-gap" enum:"stop,skip" default:"stop" help:"What to do when a file was cut off or written anew in its place, so that something may be lost (${enum}); skip makes one dead letter of it, and reads what stands there now."`
	Poll       time.Duration `yaml:"poll" default:"500ms" help:"Pause between two looks at the files."`
	MaxFiles   int           `yaml:"max-files" default:"10000" help:"Files that may be there at one time."`
	MaxOpen    int           `yaml:"max-open" default:"64" help:"Files that are held open between two looks, so that they are read to their end also when they are renamed or deleted."`
	MaxMessage Size          `yaml:"max-message" default:"16MiB" help:"Largest transaction, line or document; a larger one is a dead letter."`
}

// FileSink writes each shard's log to a file.
type FileSink struct {
	Dir         string        `yaml:"dir" required:"" placeholder:"DIR" help:"Folder of the files."`
	Format      string        `yaml:"format" enum:"patch,nquads" default:"patch" help:"What the files are (${enum}): the log as RDF Patch, or the quads that it adds as N-Quads, which can't tell that one is gone: a delta that deletes stops its shard."`
	MaxBatch    Size          `yaml:"max-batch" default:"1MiB" help:"Bytes that are written with one fsync, unless a record is larger. It must not become smaller while files are there."`
	RotateSize  Size          `yaml:"rotate-size" help:"Bytes from which on a file becomes a piece, named by its first position, before more is written. Default: it doesn't."`
	RotateEvery time.Duration `yaml:"rotate-every" help:"Span of UTC, such as 1h, of which a file has records alone; it becomes a piece when one of another span comes. Default: it has any."`
	Compress    string        `yaml:"compress" enum:"none,zstd,gzip" default:"none" help:"How pieces are compressed (${enum})."`
	Keep        int           `yaml:"keep" help:"Pieces of each shard that are kept, the newest. Default: all."`
}
