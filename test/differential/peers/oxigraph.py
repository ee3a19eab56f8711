"""Reads documents with Oxigraph's parsers and answers with their quads.

A request on standard input is four bytes, the length (big-endian), one byte, the format, and the document. The answer has
the same frame: "+" and the quads as N-Quads, or "-" and why the document is refused.

A document of the formats Q and U is quads, a line "---" and a query or an update. The answer to a query is quads, too: rows are
blank nodes whose properties are the variables; that to an update is what the store has after it.
"""

import sys

import pyoxigraph as ox

FORMATS = {
    b"t": ox.RdfFormat.TURTLE,
    b"g": ox.RdfFormat.TRIG,
    b"q": ox.RdfFormat.N_QUADS,
    b"n": ox.RdfFormat.N_TRIPLES,
    b"x": ox.RdfFormat.RDF_XML,
    b"j": ox.RdfFormat.JSON_LD,
}


SEPARATOR = b"---\n"
ANSWER = ox.NamedNode("answer:")


def quads_of(fmt, document, base):
    if fmt in b"QU":
        data, _, text = document.partition(SEPARATOR)
        store = ox.Store()
        store.extend(ox.parse(data, format=ox.RdfFormat.N_QUADS))
        return list((updated if fmt == b"U" else solved)(store, text.decode()))
    return list(ox.parse(document, format=FORMATS[fmt], base_iri=base))


def updated(store, text):
    store.update(text)
    return store


def solved(store, text):
    answer = store.query(text)
    if isinstance(answer, ox.QueryBoolean):
        yield ox.Quad(ANSWER, ANSWER, ox.Literal("true" if answer else "false"))
    elif isinstance(answer, ox.QueryTriples):
        for triple in answer:
            yield ox.Quad(*triple)
    else:
        yield from rows(answer)


def rows(answer):
    for name in answer.variables:
        yield ox.Quad(ANSWER, ANSWER, ox.Literal(name.value))
    for n, row in enumerate(answer):
        node = ox.BlankNode(f"row{n}")
        yield ox.Quad(node, ANSWER, ox.Literal(str(n)))
        for name, term in zip(answer.variables, row):
            if term is not None:
                yield ox.Quad(node, ox.NamedNode(f"var:{name.value}"), term)


def read(fmt, document, base):
    try:
        return b"+" + ox.serialize(quads_of(fmt, document, base), format=ox.RdfFormat.N_QUADS)
    except BaseException as failed:  # what Rust calls a panic is no Exception
        if isinstance(failed, (KeyboardInterrupt, SystemExit)):
            raise
        return b"-" + f"{type(failed).__name__}: {failed}".encode("utf-8", "backslashreplace")


def main():
    base, requests, answers = sys.argv[1], sys.stdin.buffer, sys.stdout.buffer
    while head := requests.read(5):
        document = requests.read(int.from_bytes(head[:4], "big"))
        fmt = head[4:]
        answer = read(fmt, document, None if fmt in b"qnQU" else base)
        answers.write(len(answer).to_bytes(4, "big") + answer)
        answers.flush()


main()
