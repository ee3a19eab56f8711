// Package filestore reads the files in which nats-server 2.15.2 keeps a stream, without the server and without writing
// anything. It exists because the server, when it starts, cuts off or deletes what it finds damaged, and goes on as if
// it had never been there: whoever wants to know must look before the server does.
//
// The layout, as server/filestore.go of that version writes it:
//
//   - A stream's folder holds meta.inf (the configuration, JSON), meta.sum (its checksum) and msgs. Raft groups have such
//     a folder, too, for their log.
//   - msgs holds the blocks, files named 1.blk, 2.blk, … of about 8 MB. Records are appended to the block with the highest
//     number; the others are sealed. Sealed blocks are rewritten when much of them is deleted, and removed when all is.
//   - A record is: length (4 bytes, little endian; the highest bit says that there are headers), sequence (8), time (8,
//     nanoseconds since 1970), length of the subject (2), subject, [length of the headers (4), headers], data, checksum
//     (8). The checksum is HighwayHash-64 of everything but the three lengths, with the SHA-256 of "STREAM-BLOCK" as key.
//   - The highest bit of a sequence marks an erased message, the one below a tombstone: the message with that sequence,
//     in any block before, is deleted.
//   - A block may be compressed: "cmp", 1, the size as a varint, an S2 stream, and the checksum of the last record in the
//     clear.
//   - msgs/index.db is the state at some time: sequences, subjects, blocks; checksummed with the SHA-256 of the stream's
//     name as key. The server writes it when it stops and every two minutes or so.
//
// Besides the checksums, the messages of a Quadrille stream prove that none is missing: each names the message before it
// of the same subject, in the header Nats-Expected-Last-Subject-Sequence.
package filestore
