package filestore

import "fmt"

// Kind says what is wrong.
type Kind string

// The kinds of damage.
const (
	// Altered: the bytes there are not those that were written.
	Altered Kind = "altered"
	// Gap: messages are missing that others name.
	Gap Kind = "gap"
	// Missing: a file is not there.
	Missing Kind = "missing"
	// Short: the stream ends before what is known to have been in it.
	Short Kind = "short"
	// Undeleted: what was deleted is there again, in part or whole: a server that was killed takes a deletion back that it
	// had not yet noted, if the block of what was deleted stays for the deletions of others that are noted in it. It is no
	// damage, nobody needs it, and it is deleted again by who comes upon it.
	Undeleted Kind = "undeleted"
	// Unsynced: of a stream with several replicas a block that is not the newest ends badly, and no good record follows in any
	// later one. A loss of power leaves this: what was not fsynced to the blocks is in the Raft log.
	Unsynced Kind = "unsynced"
	// Unreadable: a file can't be read or decompressed.
	Unreadable Kind = "unreadable"
)

// MaxDamages is how many damages a [Report] lists.
const MaxDamages = 100

// Damage is one thing that is wrong.
type Damage struct {
	// Stream is the name of the stream, or of the Raft group.
	Stream string `json:"stream"`
	// File is the path of the file.
	File string `json:"file"`
	// Offset is the place in the file in bytes; in a compressed one, that in the decompressed content.
	Offset int64 `json:"offset"`
	// Kind is for programs, What for people.
	Kind Kind   `json:"kind"`
	What string `json:"what"`
}

// String is "file:offset: what".
func (d Damage) String() string { return fmt.Sprintf("%s:%d: %s", d.File, d.Offset, d.What) }

// Report is what a check found.
type Report struct {
	// Stream is the name of the stream, or of the Raft group.
	Stream string
	// Blocks, Bytes and Messages count what was read: files, their sizes, and good messages, deleted ones included.
	Blocks   int
	Bytes    int64
	Messages int
	// First and Last are the lowest and highest sequence of a message; 0 if there is none.
	First, Last uint64
	// Damages are the first [MaxDamages] found, in the order of the files; More counts the others.
	Damages []Damage
	More    int
	// Torn is the place from which on the newest block holds no good record, or, of a stream with several replicas, where
	// the blocks end before the state file; nil if it ends well. A crash may leave this: what was not yet confirmed, or is
	// in the Raft log. It is no damage by itself.
	Torn *Damage
	// Late are the subjects whose first message names one before it, with the sequence of that. They were trimmed, or
	// what was before is lost; the files can't tell.
	Late map[string]uint64
	// Cut says up to where all is good; nil where nothing is damaged.
	Cut *Cut
}

// Cut is a place in a stream: what stands before it is good and complete. With Block 0 nothing does.
type Cut struct {
	// Block is the number of the block, and Offset the place in its decompressed content. Blocks with higher numbers
	// stand behind the cut.
	Block  uint32
	Offset int64
	// Seq is the first sequence behind it.
	Seq uint64
}
