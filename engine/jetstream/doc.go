// Package jetstream implements the contracts of package engine on NATS JetStream, and runs the NATS server inside this
// process for who has none.
//
// How the contracts are met:
//
//   - A log is one subject of a stream. Several shards share a stream, because a few streams are faster than many.
//   - Append is a publish that carries Nats-Expected-Last-Subject-Sequence. The server keeps that header with the
//     message, so every stored entry names the entry before it, and whoever reads can prove that there is no gap.
//   - Reads are batched direct gets, which any replica answers. A replica may lag, so Tail and Read first commit a
//     message to a subject of their own in the same stream (the barrier; each replaces the one before) and accept only
//     what a replica says that has applied it. This holds also while a leader that was deposed has not noticed. A
//     stream with a single replica needs no barrier and gets none.
//   - Follow listens to what the stream republishes after commit, over core NATS, and reads whatever it missed. There
//     are no consumers, hence none that can stop, and no work for the meta leader.
//   - Blobs are a JetStream object store bucket in the standard layout (the nats tool can read it), but are written
//     and read with the two ways above: a blob becomes visible only when all of its chunks are confirmed.
package jetstream
