"""What the suite prints, as events.

`--durable` makes the suite report an exception inside a test, or inside a server's block of tests,
as an error and go on with what follows; what it then never reaches is simply not reported, and the
verdict counts that as failing.
"""

import re
from dataclasses import dataclass, field

_REPORT = re.compile(r"\[(ok|err|exception|skip|ignore|TIMEOUT)\]: (.*)", re.S)
_DONE = re.compile(r"\[\d+/\d+ done\]: ")
_MILLISECONDS = re.compile(r" \((\d+) ms\)$")
_IN_PROGRESS = re.compile(r"^\S+ => \(IN PROGRESS\) (.*)$")
# A test after which the server, or the connection to it, is gone.
_SERVER_GONE = re.compile(r"I/O error|[Cc]onnection (refused|reset)|[Bb]roken pipe|error writing")


@dataclass
class Event:
    """One test's report: `status` is ok, err, skip or ignore; `name` is None outside of tests."""

    status: str
    name: str | None
    detail: list[str] = field(default_factory=list)
    ms: int = 0

    def killed_server(self):
        """Whether this error looks like the server's end rather than a wrong answer."""
        return self.status == "err" and bool(_SERVER_GONE.search("\n".join(self.detail)))


@dataclass
class Output:
    """All that one run of a unit reported."""

    events: list[Event] = field(default_factory=list)
    done: bool = False
    hung_test: str | None = None

    def breaker(self):
        """The test that kept later ones from running: it hung, or took the server down."""
        if self.hung_test:
            return self.hung_test
        return next((e.name for e in self.events if e.name and e.killed_server()), None)


def parse(text, unit):
    """Reads the whole output of a run of `unit`."""
    output = Output()
    current = None
    for line in text.splitlines():
        report = _REPORT.match(line)
        in_progress = _IN_PROGRESS.match(line)
        if _DONE.match(line):
            output.done = True
            current = None
        elif report:
            current = _event(report.group(1), report.group(2), unit)
            output.events.append(current)
        elif in_progress:
            output.hung_test = in_progress.group(1)
        elif current is not None and current.status != "ok":
            current.detail.append(line)
    return output


def _event(status, text, unit):
    if status == "ok":
        timed = _MILLISECONDS.search(text)
        if timed:
            return Event("ok", text[: timed.start()], ms=int(timed.group(1)))
        return Event("ok", text)
    if status == "err":
        name, found, rest = text.partition(f" in tests/{unit}.tcl")
        if found:
            return Event("err", name, [rest] if rest else [])
        return Event("err", None, [text])
    if status in ("exception", "TIMEOUT"):
        return Event("err", None, [f"{status}: {text}"])
    return Event(status, text)
