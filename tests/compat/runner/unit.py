"""Runs one unit of the suite: its own tree, ports, time limit, and clean-up of whatever it started.

A test that hangs, or takes the server down, hides those behind it. So that progress shows, the unit
is then run again without that test (which stays failing), as long as the unit's time lasts.
"""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from .output import Event, parse
from .ports import port_block
from .suite import make_tree

RERUNS_MAX = 12


@dataclass
class UnitResult:
    """What is known of a unit after all its attempts."""

    unit: str
    # By test name, in the order of its occurrences.
    events: dict[str, list[Event]] = field(default_factory=dict)
    # Errors outside of any test.
    loose_errors: list[Event] = field(default_factory=list)
    # The first attempt's reports as they came.
    reported: list[Event] = field(default_factory=list)
    seconds: float = 0.0
    attempts: int = 0
    timed_out: bool = False
    skipped: list[str] = field(default_factory=list)

    def add(self, output):
        """Merges an attempt: what an earlier attempt already reported stands."""
        fresh = {}
        for event in output.events:
            if event.name is None:
                self.loose_errors.append(event)
            elif event.status in ("ok", "err"):
                fresh.setdefault(event.name, []).append(event)
        if self.attempts == 0:
            self.reported = output.events
        for name, events in fresh.items():
            if len(events) > len(self.events.get(name, [])):
                known = self.events.get(name, [])
                self.events[name] = known + events[len(known):]
        self.attempts += 1

    def longest_silence(self):
        """Seconds of the longest single test."""
        return max((event.ms for event in self.reported), default=0) / 1000


def run_unit(unit, tree, scratch, limits, log):
    """Runs `unit` in `tree` until it is done or its time is up; `limits` as from `limits_of`."""
    unit_seconds, idle_seconds = limits
    result = UnitResult(unit)
    start = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    while True:
        left = unit_seconds - (time.monotonic() - start)
        text, in_time = _attempt(unit, tree, scratch, left, idle_seconds, result.skipped)
        with log.open("a") as sink:
            sink.write(f"=== attempt {result.attempts + 1}, without {result.skipped}\n{text}\n")
        output = parse(text, unit)
        result.add(output)
        breaker = output.breaker()
        left = unit_seconds - (time.monotonic() - start)
        again = breaker and breaker not in result.skipped and result.attempts <= RERUNS_MAX
        if not in_time or not again or left < unit_seconds / 3:
            result.timed_out = not in_time or output.hung_test is not None
            result.seconds = time.monotonic() - start
            return result
        result.skipped.append(breaker)


def _attempt(unit, tree, scratch, seconds, idle_seconds, skipped):
    """One invocation of the suite; returns its output, and whether it ended by itself."""
    place = scratch / unit.replace("/", ".")
    shutil.rmtree(place, ignore_errors=True)
    make_tree(tree, place)
    with port_block() as (base, count):
        command = ["tclsh", "tests/test_helper.tcl", "--single", unit, "--clients", "1"]
        command += ["--baseport", str(base), "--portcount", str(count)]
        command += ["--durable", "--dont-clean", "--timeout", str(idle_seconds)]
        for name in skipped:
            command += ["--skiptest", name]
        environment = {**os.environ, "TERM": "dumb", "LC_ALL": "C.UTF-8"}
        out = place / "output"
        with out.open("wb") as sink:
            child = subprocess.Popen(
                command, cwd=place, env=environment, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
            )
            try:
                child.wait(timeout=max(seconds, 5))
                in_time = True
            except subprocess.TimeoutExpired:
                in_time = False
            finally:
                _kill_all(child, place)
    text = out.read_text(errors="replace")
    shutil.rmtree(place, ignore_errors=True)
    return text, in_time


def _kill_all(child, place):
    """Ends every process of the unit: its session, and servers that left it for their own."""
    for _ in range(50):
        ours = [pid for pid in _processes() if _belongs(pid, child.pid, place)]
        if not ours:
            break
        for pid in ours:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        child.poll()
        time.sleep(0.05)
    child.wait()


def _processes():
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _belongs(pid, session, place):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if stat[0] == "Z":
            return False
        if int(stat[3]) == session:
            return True
        return os.readlink(f"/proc/{pid}/cwd").startswith(f"{place}/")
    except OSError:
        return False
