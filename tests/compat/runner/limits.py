"""How long a unit may take.

`limits.tsv` holds the seconds that each unit took with Redis itself (`--measure` rewrites it), and the longest that the
suite was silent in it. Limits are generous multiples of both; a unit whose every test is a known failure gets
a short limit, because all that it can do is to wait for what does not exist.
"""

from pathlib import Path

_TABLE = Path(__file__).resolve().parent.parent / "limits.tsv"
_UNKNOWN = (30.0, 15.0)
_HOPELESS_SECONDS = 20


def load():
    """Unit to `(seconds, longest silence)` with Redis."""
    measured = {}
    for line in _TABLE.read_text().splitlines() if _TABLE.exists() else []:
        if line and not line.startswith("#"):
            unit, seconds, silence = line.split("\t")
            measured[unit] = (float(seconds), float(silence))
    return measured


def save(measured):
    """Writes the table, longest first."""
    lines = ["# Seconds with redis-server 7.0.15, and its longest silence: unit, seconds, silence.\n"]
    for unit, (seconds, silence) in sorted(measured.items(), key=lambda item: -item[1][0]):
        lines.append(f"{unit}\t{seconds:.1f}\t{silence:.1f}\n")
    _TABLE.write_text("".join(lines))


def limits_of(unit, measured, hopeless):
    """`(seconds for the unit, seconds without a report)` after which it is ended."""
    seconds, silence = measured.get(unit, _UNKNOWN)
    if hopeless:
        return _HOPELESS_SECONDS, _HOPELESS_SECONDS // 2
    return int(60 + 3 * seconds), int(30 + 3 * silence)


def longest_first(units, measured):
    """So that no long unit is left for the end, when the other jobs have nothing to do."""
    return sorted(units, key=lambda unit: -measured.get(unit, _UNKNOWN)[0])
