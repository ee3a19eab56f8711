// Package jetstream implements the contracts of package engine on NATS JetStream, and runs the NATS server inside this
// process for who has none.
//
// How the contracts are met:
//
//   - A log is one subject of a stream. Several shards share a stream, because a few streams are faster than many. The
//     streams are quadrille_{pipeline}_control and quadrille_{pipeline}_{0,1,…}, and shard s is in stream s modulo their
//     number. Nothing ever falls out of them; what they were created with is in their metadata.
//   - Append is a publish that carries Nats-Expected-Last-Subject-Sequence. The server keeps that header with the
//     message, so every stored entry names the entry before it, and whoever reads can prove that there is no gap.
//   - Reads are batched direct gets, which any replica answers. A replica may lag, so Tail and Read first commit a
//     message to a subject of their own in the same stream (the barrier; each replaces the one before) and accept only
//     what a replica says that has applied it. This holds also while a leader that was deposed has not noticed. Calls
//     that come at the same time share a barrier. A stream with a single replica needs none and gets none.
//   - Ends asks for no records: only for what is behind the part of a stream of which all is known. Where nobody but the user of one
//     pipeline can reach a server, which listens to nobody, it asks for nothing: all appends pass through here. Nothing else may then be
//     published to the logs over the connection that was given to Open.
//   - Follow listens to what the stream republishes after commit, over core NATS, and reads whatever it missed: when the
//     next entry names one that it doesn't have, when the connection was lost, and after a second of silence. There
//     are no consumers, hence none that can stop, and no work for the meta leader.
//   - Trim purges the subject up to a position. A reader tells trimmed from damaged by the first entry that is left: if
//     that names one at or after the position asked for, the log is trimmed; if there is an entry before the gap, it is
//     damaged.
//   - Blobs are a JetStream object store bucket in the standard layout (the nats tool can read it), but are written
//     and read with the two ways above: the chunks of a blob are a log, and so are the descriptions of a name. A blob
//     becomes visible only when all of its chunks are confirmed. What a process that died has left of one is swept by
//     others, when it is an hour old.
package jetstream
