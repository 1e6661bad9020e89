"""The servers of a comparison: where they are, how they are started alike, what they cost.

Each runs by itself on its own core: one worker, no persistence, fresh for every round. CPU time and
memory come from the kernel's accounting of the process, never from what the server says of itself.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

# Servers that are compared where they are installed, with what makes them run one worker.
KNOWN = {
    "redis-server": [],
    "valkey-server": [],
    "keydb-server": ["--server-threads", "1"],
}
EQUAL_SETTINGS = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
START_SECONDS_MAX = 20


@dataclass
class Candidate:
    """A server that can be started: `name` is how the report calls it."""

    name: str
    path: str
    extra: list[str]

    def version(self):
        """The first line of `--version`."""
        command = [self.path, "--version"]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
        return (shown.stdout or shown.stderr).strip().partition("\n")[0]


def installed(baseline):
    """The known servers on this machine, the baseline first."""
    names = [baseline, *(name for name in KNOWN if name != baseline)]
    return [Candidate(name, shutil.which(name), KNOWN.get(name, []))
            for name in names if shutil.which(name)]


def given(text):
    """A candidate from `NAME=PATH[ ARGUMENT…]`."""
    name, _, command = text.partition("=")
    path, *extra = command.split()
    return Candidate(name, path, extra)


class Server:
    """A started server; a context manager that ends it."""

    def __init__(self, candidate, workers, cores):
        self.candidate = candidate
        self.workers = workers
        self.cores = cores

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="corewire-compare-")
        self.port = _free_port()
        settings = ["--port", str(self.port), "--io-threads", str(self.workers), *EQUAL_SETTINGS]
        log = open(Path(self.folder.name) / "log", "wb")
        self.process = subprocess.Popen(
            [self.candidate.path, *settings, *self.candidate.extra],
            cwd=self.folder.name, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            preexec_fn=lambda: os.sched_setaffinity(0, self.cores),
        )
        log.close()
        self._wait_until_up()
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.folder.cleanup()

    def _wait_until_up(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with self.connect() as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(64).startswith(b"+PONG"):
                        return
            except OSError:
                pass
            time.sleep(0.02)
        log = (Path(self.folder.name) / "log").read_text(errors="replace")
        self.__exit__()
        raise RuntimeError(f"{self.candidate.name} does not start:\n{log}")

    def connect(self):
        """A plain connection."""
        return socket.create_connection(("127.0.0.1", self.port))

    def cpu_seconds(self):
        """User and system time so far, of all its threads."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self):
        """Memory in RAM."""
        return int(self._proc("statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def _proc(self, name):
        return Path(f"/proc/{self.process.pid}/{name}").read_text()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
