"""What is asked of each server: the loads, and what one round of a load measures.

Requests come from redis-benchmark (and memtier_benchmark where it is installed), pinned to other
cores than the server. Memory is measured with keys of 16 bytes and values of 32, which are written
here, so that exactly so many distinct keys exist.
"""

import csv
import io
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

VALUE_BYTES = 32
CHUNK_KEYS = 2_000


@dataclass(frozen=True)
class Load:
    """A kind of request: `weight` scales the number of requests so that loads take alike long."""

    name: str
    command: str
    pipeline: int
    weight: float

    def requests(self, base):
        """How many requests a round sends."""
        return int(base * self.weight)


LOADS = [
    Load("GET", "get", 1, 1),
    Load("SET", "set", 1, 1),
    Load("GET, pipeline 16", "get", 16, 8),
    Load("SET, pipeline 16", "set", 16, 8),
    Load("GET, pipeline 100", "get", 100, 12),
    Load("SET, pipeline 100", "set", 100, 12),
]


def measure(load, server, options):
    """One round: requests/s, CPU us/request, p99 ms."""
    requests = load.requests(options.requests)
    command = ["redis-benchmark", "-p", str(server.port), "-t", load.command, "--csv"]
    command += ["-n", str(requests), "-c", str(options.clients), "-P", str(load.pipeline)]
    command += ["-r", str(options.keys), "-d", str(VALUE_BYTES)]
    before = server.cpu_seconds()
    printed = _pinned(command, options.load_cores)
    cpu = server.cpu_seconds() - before
    row = list(csv.DictReader(io.StringIO(printed[printed.index('"test"'):])))[-1]
    return {
        "requests/s": float(row["rps"]),
        "CPU us/request": cpu * 1e6 / requests,
        "p99 ms": float(row["p99_latency_ms"]),
    }


def measure_memtier(server, options):
    """One round of memtier's mix (a SET for ten GETs, pipeline 16), measured alike."""
    each = max(options.requests * 8 // options.clients, 1)
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = ["memtier_benchmark", "-p", str(server.port), "-t", "1", "--hide-histogram"]
        command += ["-c", str(options.clients), "-n", str(each), "--pipeline", "16"]
        command += ["--ratio", "1:10", "-d", str(VALUE_BYTES), "--key-maximum", str(options.keys)]
        command += ["--json-out-file", out.name]
        before = server.cpu_seconds()
        _pinned(command, options.load_cores)
        cpu = server.cpu_seconds() - before
        totals = json.load(open(out.name))["ALL STATS"]["Totals"]
    return {
        "requests/s": float(totals["Ops/sec"]),
        "CPU us/request": cpu * 1e6 / (each * options.clients),
        "p99 ms": float(totals["Percentile Latencies"]["p99.00"]),
    }


def memtier_installed():
    """Whether memtier_benchmark can be run."""
    return shutil.which("memtier_benchmark") is not None


def fill(server, keys, expiring=False):
    """Writes `keys` distinct keys under the names that redis-benchmark reads."""
    value = b"x" * VALUE_BYTES
    tail = b"$%d\r\n%s\r\n" % (VALUE_BYTES, value)
    count = 3
    if expiring:
        tail += b"$2\r\nEX\r\n$6\r\n864000\r\n"
        count = 5
    head = b"*%d\r\n$3\r\nSET\r\n$16\r\n" % count
    with server.connect() as connection:
        for start in range(0, keys, CHUNK_KEYS):
            batch = range(start, min(start + CHUNK_KEYS, keys))
            connection.sendall(b"".join(head + b"key:%012d\r\n" % key + tail for key in batch))
            _read_oks(connection, len(batch))


def bytes_per_key(server, keys, expiring):
    """Resident memory that each of `keys` keys costs, all overhead and slack included."""
    before = server.resident_bytes()
    fill(server, keys, expiring)
    return (server.resident_bytes() - before) / keys


def _read_oks(connection, count):
    wanted = count * len(b"+OK\r\n")
    while wanted > 0:
        reply = connection.recv(1 << 20)
        if not reply or b"-" in reply:
            raise RuntimeError(f"SET failed: {reply[:200]!r}")
        wanted -= len(reply)


def _pinned(command, cores):
    done = subprocess.run(
        command, capture_output=True, text=True, check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return done.stdout
