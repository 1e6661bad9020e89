"""The report: a table for people, the same as JSON for programs."""

import json
from collections import Counter


def table(verdicts, known, seconds):
    """Unit, passed, failed, missing, known and time, with totals."""
    width = max([len(unit) for unit in verdicts] + [5])
    lines = [f"{'unit':{width}}  passed  failed  missing  known  seconds"]
    totals = Counter()
    for unit, verdict in verdicts.items():
        counts = Counter(verdict.status(key, key in known.reasons) for key in verdict.first)
        listed = sum(key in known.reasons for key in verdict.first)
        totals.update(counts)
        totals["known"] += listed
        again = "  run twice" if verdict.second is not None else ""
        lines.append(_row(unit, counts, listed, seconds[unit], width) + again)
    lines.append(_row("total", totals, totals["known"], sum(seconds.values()), width))
    return "\n".join(lines), totals


def _row(unit, counts, listed, seconds, width):
    return (f"{unit:{width}}  {counts['passed']:6}  {counts['failed']:6}  {counts['missing']:7}"
            f"  {listed:5}  {seconds:7.0f}")


def names(verdicts, known):
    """Every failing test, with the suite's message or its known reason."""
    lines = []
    for unit, verdict in verdicts.items():
        for key in verdict.first:
            listed = key in known.reasons
            if verdict.failing(key, listed):
                why = f"known: {known.reasons[key]}" if listed else verdict.detail(key)[:300]
                lines.append(f"  {verdict.status(key, listed):7} {unit}: {key.label()}  [{why}]")
    return "\n".join(lines)


def surprise_lines(found, unstable):
    """What makes the run fail, and what only shows that a test is not steady."""
    lines = []
    for key, detail in found["unlisted"]:
        lines.append(f"unlisted failure: {key.unit}: {key.label()}")
        lines.append(f"    {detail[:600] or 'not reported'}")
    for key in found["passing"]:
        lines.append(f"listed but passes: {key.unit}: {key.label()}")
    for key in unstable:
        lines.append(f"unstable (passed in one of two runs): {key.unit}: {key.label()}")
    return "\n".join(lines)


def write_json(path, verdicts, known, results):
    """Everything, for later comparison."""
    units = {}
    for unit, verdict in verdicts.items():
        units[unit] = {
            "seconds": round(results[unit].seconds, 1),
            "attempts": results[unit].attempts,
            "timed_out": results[unit].timed_out,
            "left_out_after_a_hang_or_crash": results[unit].skipped,
            "errors_outside_tests": [event.detail for event in results[unit].loose_errors],
            "tests": [
                {
                    "name": key.label(),
                    "status": verdict.status(key, key in known.reasons),
                    "known": known.reasons.get(key),
                    "detail": verdict.detail(key),
                }
                for key in verdict.first
            ],
        }
    path.write_text(json.dumps(units, indent=1, ensure_ascii=False) + "\n")
