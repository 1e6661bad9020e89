"""How long a unit may take.

`limits.tsv` holds the seconds that each unit took with Redis itself (`--measure` rewrites it), and
the longest that a single test of it took. Limits are generous beyond both, less so where most of
the unit's tests are known failures, and short where all are: such a unit can only wait for what
does not exist.
"""

from pathlib import Path

_TABLE = Path(__file__).resolve().parent.parent / "limits.tsv"
_UNKNOWN = (30.0, 15.0)
_HOPELESS = (20, 10)


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
    lines = ["# With redis-server 7.0.15: unit, seconds, longest silence in seconds.\n"]
    for unit, (seconds, silence) in sorted(measured.items(), key=lambda item: -item[1][0]):
        lines.append(f"{unit}\t{seconds:.1f}\t{silence:.1f}\n")
    _TABLE.write_text("".join(lines))


def limits_of(unit, measured, listed_share):
    """`(seconds for the unit, seconds without a report)` after which it is ended."""
    if listed_share == 1:
        return _HOPELESS
    seconds, silence = measured.get(unit, _UNKNOWN)
    generosity = 3 if listed_share < 0.5 else 1
    return int(75 + generosity * seconds), int(25 + generosity * silence)


def longest_first(units, measured):
    """So that no long unit is left for the end, when the other jobs have nothing to do."""
    return sorted(units, key=lambda unit: -measured.get(unit, _UNKNOWN)[0])
