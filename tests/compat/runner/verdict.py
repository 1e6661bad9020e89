"""What counts: the yardstick, the list of known failures, and what a run says about both.

The yardstick holds, per unit, the names of the tests that Redis itself passes, in order; a name
that a unit runs more than once is there more than once, and `Key.occurrence` tells them apart. A
test of the yardstick that was not reported ok is failing, whatever the reason.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass

# Units that repeat tests as often as fits into a given time: there each name counts as one test, which
# passes if it was run and never failed. Some carry random numbers, which are blotted out.
_VARYING_UNITS = {"integration/psync2", "integration/psync2-reg"}
_VARYING_NUMBER = re.compile(r"(Set #|from #|CYCLE |x = )\d+")
# Some tests are named after a number like that: the occurrence stands behind a sign of its own.
_REPEATED = re.compile(r" ##(\d+)$")


@dataclass(frozen=True, order=True)
class Key:
    """One test of one unit."""

    unit: str
    name: str
    occurrence: int = 1

    def label(self):
        """The name as lists show it: second and later occurrences carry their number."""
        return self.name if self.occurrence == 1 else f"{self.name} ##{self.occurrence}"


def canonical(unit, name):
    """The name under which a test of `unit` counts."""
    return _VARYING_NUMBER.sub(r"\1N", name) if unit in _VARYING_UNITS else name


def load_yardstick(path):
    """Unit to its tests, in order."""
    return {unit: _keys(unit, names) for unit, names in json.loads(path.read_text()).items()}


def _keys(unit, names):
    seen = Counter()
    keys = []
    for name in (canonical(unit, name) for name in names):
        if seen[name] and unit in _VARYING_UNITS:
            continue
        seen[name] += 1
        keys.append(Key(unit, name, seen[name]))
    return keys


def statuses(result, keys):
    """Each key's status in a unit's result (passed, failed, missing) and why it failed."""
    by_name = {}
    for name, events in result.events.items():
        by_name.setdefault(canonical(result.unit, name), []).extend(events)
    found = {}
    for key in keys:
        events = by_name.get(key.name, [])
        if key.unit in _VARYING_UNITS:
            bad = next((event for event in events if event.status != "ok"), None)
            events = [bad] if bad else events[:1]
        if len(events) < key.occurrence:
            found[key] = ("missing", "")
            continue
        event = events[key.occurrence - 1]
        if event.status == "ok":
            found[key] = ("passed", "")
        else:
            found[key] = ("failed", " ".join(" ".join(event.detail).split()))
    return found


class KnownFailures:
    """The failures that are expected; a line each: unit, test and reason, with tabs between."""

    HEADER = (
        "# Tests of Redis's suite that do not pass yet: unit, test, what it waits for; with tabs.\n"
        "# The list only shrinks: a failure that is not here fails the run, and so does a\n"
        "# test that is here and passes.\n"
        "# After mending something: tests/compat/run --update\n"
    )

    def __init__(self, reasons=None, free=None):
        self.reasons = reasons or {}
        # Tests that may fail or pass in this run (see one-worker.txt).
        self.free = free or {}

    @classmethod
    def load(cls, path):
        """Reads the list, empty without a file; `ValueError` names the line of a mistake."""
        reasons = {}
        text = path.read_text() if path.exists() else ""
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = line.split("\t")
            if len(fields) != 3 or not all(field.strip() for field in fields):
                raise ValueError(f"{path}:{number}: want unit, test and reason, separated by tabs")
            key = _parse_label(fields[0], fields[1])
            if key in reasons:
                raise ValueError(f"{path}:{number}: listed twice")
            reasons[key] = fields[2]
        return cls(reasons)

    def save(self, path, yardstick):
        """Writes the list in the yardstick's order."""
        lines = [
            f"{key.unit}\t{key.label()}\t{self.reasons[key]}\n"
            for keys in yardstick.values() for key in keys if key in self.reasons
        ]
        path.write_text(self.HEADER + "".join(lines))

    def strangers(self, yardstick):
        """Lines that name no test of the yardstick."""
        known = {key for keys in yardstick.values() for key in keys}
        return sorted(key for key in self.reasons if key not in known)


def _parse_label(unit, label):
    repeated = _REPEATED.search(label)
    if repeated:
        return Key(unit, label[: repeated.start()], int(repeated.group(1)))
    return Key(unit, label)


@dataclass
class UnitVerdict:
    """A unit's tests after one run, or after two where the first had surprises."""

    unit: str
    first: dict
    second: dict | None = None
    # A run was ended before its time: how far it came depends on the machine.
    out_of_time: bool = False

    def failing_at_first(self, key):
        """Whether the first run failed this test."""
        return self.first[key][0] != "passed"

    def failing(self, key, listed):
        """A listed test fails if it failed in either run; an unlisted one only if in both."""
        first = self.failing_at_first(key)
        if self.second is None:
            return first
        second = self.second[key][0] != "passed"
        return (first or second) if listed else (first and second)

    def unstable(self):
        """Tests that the two runs do not agree on."""
        if self.second is None:
            return []
        return [key for key in self.first
                if self.failing_at_first(key) != (self.second[key][0] != "passed")]

    def status(self, key, listed):
        """Passed, failed or missing, over both runs."""
        if not self.failing(key, listed):
            return "passed"
        worst = self.first[key] if self.failing_at_first(key) else self.second[key]
        return worst[0]

    def detail(self, key):
        """The message of the failure, if the suite gave one."""
        return self.first[key][1] or (self.second[key][1] if self.second else "")


def surprises(verdict, known):
    """`(unlisted failures, listed tests that pass)` of a unit.

    Where the unit ran out of time, listed tests that it happened to reach and pass are no surprise;
    unlisted ones that it did not reach are."""
    unlisted = [key for key in verdict.first
                if key not in known.reasons and key not in known.free
                and verdict.failing(key, False)]
    passing = [key for key in verdict.first
               if key in known.reasons and not verdict.failing(key, True)
               and not verdict.out_of_time]
    return unlisted, passing
