"""Runs queries and updates on a store in memory of Oxigraph and says what they took.

A request is a line of JSON on standard input. The answer is a line of JSON, whose "bytes" says how many bytes of a result
follow it. Times are nanoseconds; what is not part of the task, such as reading requests, is not counted.
"""

import json
import sys
import time

import pyoxigraph as ox

store = ox.Store()


def timed(task):
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    result = task()
    return {"cpu": time.process_time_ns() - cpu, "wall": time.perf_counter_ns() - wall}, result


def load(request):
    global store
    with open(request["file"], "rb") as f:
        document = f.read()
    store = ox.Store()
    return timed(lambda: store.bulk_load(document, format=ox.RdfFormat.N_QUADS))[0], b""


def answer(text):
    found = store.query(text)
    if isinstance(found, ox.QueryTriples):
        return found.serialize(format=ox.RdfFormat.N_TRIPLES)
    return found.serialize(format=ox.QueryResultsFormat.JSON)


def query(request):
    def task():
        for _ in range(request["times"]):
            result = answer(request["text"])
        return result

    return timed(task)


def update(request):
    def task():
        for text in request["texts"]:
            store.update(text)

    return timed(task)[0], b""


tasks = {"load": load, "query": query, "update": update}
for line in sys.stdin.buffer:
    request = json.loads(line)
    took, result = tasks[request["task"]](request)
    took["bytes"] = len(result)
    took["quads"] = len(store) if request["task"] == "load" else 0
    sys.stdout.buffer.write(json.dumps(took).encode() + b"\n" + result)
    sys.stdout.buffer.flush()
