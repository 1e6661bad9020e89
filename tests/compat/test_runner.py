"""That the runner judges rightly: what it reads, what counts as failing, what the list allows."""

import tempfile
import unittest
from pathlib import Path

from runner.limits import limits_of
from runner.output import parse
from runner.suite import _deb_src_lines
from runner.unit import UnitResult
from runner.verdict import Key, KnownFailures, UnitVerdict, canonical, load_yardstick, statuses
from runner.verdict import surprises

UNIT = "unit/x"
PRINTED = """\
Testing unit/x
[ok]: first (3 ms)
[err]: second in tests/unit/x.tcl
Expected 'a' to be equal to 'b'
[ok]: twice (0 ms)
[err]: twice in tests/unit/x.tcl
I/O error reading reply
    while executing
[err]: can't read "x": no such variable
    while executing
[skip]: left out
[ignore]: large memory flag not provided
"""


def result_of(*attempts, unit=UNIT):
    result = UnitResult(unit)
    for printed in attempts:
        result.add(parse(printed, unit))
    return result


class Reading(unittest.TestCase):
    def test_reports_become_events_with_their_details(self):
        output = parse(PRINTED + "[1/1 done]: unit/x (1 seconds)\n", UNIT)
        seen = [(event.status, event.name) for event in output.events]
        self.assertEqual(seen, [
            ("ok", "first"), ("err", "second"), ("ok", "twice"), ("err", "twice"), ("err", None),
            ("skip", "left out"), ("ignore", "large memory flag not provided"),
        ])
        self.assertIn("Expected 'a' to be equal to 'b'", output.events[1].detail)
        self.assertTrue(output.done)

    def test_breaker_is_the_test_that_hung_or_else_lost_the_server(self):
        self.assertEqual(parse(PRINTED, UNIT).breaker(), "twice")
        hung = PRINTED + "[TIMEOUT]: clients state report follows.\nsock5 => (IN PROGRESS) stuck\n"
        self.assertEqual(parse(hung, UNIT).breaker(), "stuck")
        self.assertIsNone(parse("[ok]: first (3 ms)\n", UNIT).breaker())

    def test_later_attempts_only_add_what_was_not_reported(self):
        result = result_of("[err]: a in tests/unit/x.tcl\n[ok]: b (1 ms)\n",
                           "[ok]: a (1 ms)\n[ok]: b (1 ms)\n[ok]: b (1 ms)\n[ok]: c (1 ms)\n")
        kinds = {name: [event.status for event in events] for name, events in result.events.items()}
        self.assertEqual(kinds, {"a": ["err"], "b": ["ok", "ok"], "c": ["ok"]})


class Judging(unittest.TestCase):
    def test_a_test_that_is_not_reported_ok_is_failing(self):
        keys = [Key(UNIT, "first"), Key(UNIT, "second"), Key(UNIT, "twice"), Key(UNIT, "twice", 2),
                Key(UNIT, "left out"), Key(UNIT, "never reached")]
        found = statuses(result_of(PRINTED), keys)
        self.assertEqual([found[key][0] for key in keys],
                         ["passed", "failed", "passed", "failed", "missing", "missing"])

    def test_varying_names_count_once_and_must_never_fail(self):
        unit = "integration/psync2"
        key = Key(unit, canonical(unit, "PSYNC2: Set #4 to replicate from #1"))
        good = "[ok]: PSYNC2: Set #0 to replicate from #2 (1 ms)\n"
        bad = "[err]: PSYNC2: Set #1 to replicate from #3 in tests/integration/psync2.tcl\n"
        self.assertEqual(statuses(result_of(good + good, unit=unit), [key])[key][0], "passed")
        self.assertEqual(statuses(result_of(good + bad, unit=unit), [key])[key][0], "failed")
        self.assertEqual(statuses(result_of("", unit=unit), [key])[key][0], "missing")

    def test_only_steady_surprises_count(self):
        listed, unlisted = Key(UNIT, "listed"), Key(UNIT, "unlisted")
        known = KnownFailures({listed: "reason"})
        ok, bad = ("passed", ""), ("failed", "")
        for first, second, wanted in [
            ({listed: bad, unlisted: ok}, None, ([], [])),
            ({listed: ok, unlisted: bad}, {listed: ok, unlisted: bad}, ([unlisted], [listed])),
            ({listed: ok, unlisted: bad}, {listed: bad, unlisted: ok}, ([], [])),
            ({listed: bad, unlisted: ok}, {listed: ok, unlisted: bad}, ([], [])),
        ]:
            self.assertEqual(surprises(UnitVerdict(UNIT, first, second), known), wanted)

    def test_what_one_worker_is_for_does_not_count_with_several(self):
        key = Key(UNIT, "test")
        for status in ("failed", "passed"):
            known = KnownFailures(free={key: "reason"})
            self.assertEqual(surprises(UnitVerdict(UNIT, {key: (status, "")}), known), ([], []))

    def test_what_an_ended_unit_happens_to_reach_is_no_surprise(self):
        listed, unlisted = Key(UNIT, "listed"), Key(UNIT, "unlisted")
        known = KnownFailures({listed: "reason"})
        verdict = UnitVerdict(
            UNIT, {listed: ("passed", ""), unlisted: ("missing", "")}, out_of_time=True)
        self.assertEqual(surprises(verdict, known), ([unlisted], []))

    def test_hopeless_units_get_little_time(self):
        measured = {UNIT: (100.0, 10.0)}
        seconds = [limits_of(UNIT, measured, share)[0] for share in (0, 0.9, 1)]
        self.assertEqual(seconds, sorted(seconds, reverse=True))
        self.assertGreater(seconds[1], 100)
        self.assertLess(seconds[2], 30)


class Lists(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_known_failures_survive_writing_and_reading(self):
        yardstick = self.folder / "yardstick.json"
        yardstick.write_text('{"unit/x": ["a [b] \\"c\\"", "twice", "twice", "see (#12)"]}')
        keys = load_yardstick(yardstick)
        reasons = {
            Key(UNIT, 'a [b] "c"'): "one", Key(UNIT, "twice", 2): "two", Key(UNIT, "see (#12)"): "x"}
        path = self.folder / "known"
        KnownFailures(reasons).save(path, keys)
        again = KnownFailures.load(path)
        self.assertEqual(again.reasons, reasons)
        self.assertEqual(again.strangers(keys), [])
        gone = Key(UNIT, "gone")
        self.assertEqual(KnownFailures({gone: "x"}).strangers(keys), [gone])

    def test_mistakes_in_the_list_are_refused_with_their_line(self):
        path = self.folder / "known"
        for text in ["unit/x\ta\n", "unit/x\ta\t\n", "unit/x\ta\tr\nunit/x\ta\tr\n"]:
            path.write_text("# heading\n" + text)
            with self.assertRaisesRegex(ValueError, r"known:[23]: "):
                KnownFailures.load(path)

    def test_source_lines_are_derived_from_both_apt_formats(self):
        parts = self.folder / "sources.list.d"
        parts.mkdir()
        classic = self.folder / "sources.list"
        classic.write_text("# deb no\ndeb [arch=amd64] http://a/x rel main\n")
        (parts / "d.sources").write_text(
            "Types: deb\nURIs: http://b/y\nSuites: rel rel-updates\nComponents: main\n"
            "Signed-By: /k.gpg\n\nTypes: deb\nEnabled: no\nURIs: http://c\nSuites: rel\n")
        self.assertEqual(_deb_src_lines(self.folder), [
            "deb-src [arch=amd64] http://a/x rel main",
            "deb-src [signed-by=/k.gpg] http://b/y rel main",
            "deb-src [signed-by=/k.gpg] http://b/y rel-updates main",
        ])


if __name__ == "__main__":
    unittest.main()
