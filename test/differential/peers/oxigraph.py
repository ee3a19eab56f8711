"""Reads documents with Oxigraph's parsers and answers with their quads.

A request on standard input is four bytes, the length (big-endian), one byte, the format, and the document. The answer has
the same frame: "+" and the quads as N-Quads, or "-" and why the document is refused.
"""

import sys

import pyoxigraph as ox

FORMATS = {
    b"t": ox.RdfFormat.TURTLE,
    b"g": ox.RdfFormat.TRIG,
    b"q": ox.RdfFormat.N_QUADS,
    b"n": ox.RdfFormat.N_TRIPLES,
    b"j": ox.RdfFormat.JSON_LD,
}


def read(fmt, document, base):
    try:
        quads = list(ox.parse(document, format=FORMATS[fmt], base_iri=base))
        return b"+" + ox.serialize(quads, format=ox.RdfFormat.N_QUADS)
    except BaseException as failed:  # what Rust calls a panic is no Exception
        if isinstance(failed, (KeyboardInterrupt, SystemExit)):
            raise
        return b"-" + f"{type(failed).__name__}: {failed}".encode("utf-8", "backslashreplace")


def main():
    base, requests, answers = sys.argv[1], sys.stdin.buffer, sys.stdout.buffer
    while head := requests.read(5):
        document = requests.read(int.from_bytes(head[:4], "big"))
        fmt = head[4:]
        answer = read(fmt, document, None if fmt in b"qn" else base)
        answers.write(len(answer).to_bytes(4, "big") + answer)
        answers.flush()


main()
