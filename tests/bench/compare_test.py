"""usage: compare_test.py COMPARE    Tests of bench/compare."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import pathlib
import random
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
SCRIPT = sys.argv.pop(1)
loader = importlib.machinery.SourceFileLoader("compare", SCRIPT)
compare = importlib.util.module_from_spec(importlib.util.spec_from_loader("compare", loader))
loader.exec_module(compare)


def document(batches, ratio_batches=None, case="put"):
    row = {"case": case, "mode": "weak", "bytes": 8, "ranks": 4, "nodes": 2, "batches": batches}
    if ratio_batches:
        row["ratio_batches"] = ratio_batches
    return {"schema": "locum_scaling", "schema_version": 1, "machine": {}, "rows": [row]}


def samples(middle, seed):
    generator = random.Random(seed)
    return [middle * generator.uniform(0.97, 1.03) for _ in range(32)]


class Compare(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)

    def run_on(self, *arguments):
        sys.argv = ["compare", *map(str, arguments)]
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            try:
                status = compare.main()
            except SystemExit as end:
                status = end.code
        return status, output.getvalue()

    def test_equal_files_do_not_differ(self):
        a = self.write("a.json", document(samples(1e-6, 1)))
        status, output = self.run_on(a, a)
        self.assertEqual(status, 0)
        self.assertIn("+0.0 %", output)
        self.assertIn("0 slower, 0 faster", output)

    def test_a_slower_row_is_an_error(self):
        a = self.write("a.json", document(samples(1e-6, 1)))
        b = self.write("b.json", document(samples(1.3e-6, 2)))
        status, output = self.run_on(a, b)
        self.assertEqual(status, 1)
        self.assertRegex(output, r"put .* 996 ns +1\.3 us +\+\d\d\.\d %.* SLOWER")
        status, output = self.run_on(b, a)
        self.assertEqual(status, 0)
        self.assertIn("faster", output)

    def test_small_changes_do_not_count(self):
        a = self.write("a.json", document(samples(1e-6, 1)))
        b = self.write("b.json", document(samples(1.06e-6, 2)))
        self.assertEqual(self.run_on(a, b)[0], 0)
        self.assertEqual(self.run_on(a, b, "--threshold", 2)[0], 1)

    def test_few_samples_do_not_count(self):
        a = self.write("a.json", document([1e-6]))
        b = self.write("b.json", document([2e-6]))
        self.assertEqual(self.run_on(a, b)[0], 0)

    def test_ratios_may_be_compared(self):
        a = self.write("a.json", document(samples(1e-6, 1), samples(2, 2)))
        b = self.write("b.json", document(samples(9e-6, 3), samples(2, 4)))
        self.assertEqual(self.run_on(a, b)[0], 1)
        self.assertEqual(self.run_on(a, b, "--by", "ratio")[0], 0)

    def test_runs_of_a_side_must_agree(self):
        for number, (a, b) in enumerate(((1.0, 1.4), (1.5, 1.6))):
            self.write(f"a/{number}.json", document(samples(a, number)))
            self.write(f"b/{number}.json", document(samples(b, number + 9)))
        self.assertEqual(self.run_on(self.folder / "a", self.folder / "b")[0], 0)
        (self.folder / "a" / "1.json").unlink()
        self.assertEqual(self.run_on(self.folder / "a", self.folder / "b")[0], 1)

    def test_without_common_rows_there_is_nothing_to_compare(self):
        a = self.write("a.json", document(samples(1, 1)))
        b = self.write("b.json", document(samples(1, 1), case="get"))
        self.assertEqual(self.run_on(a, b)[0], 2)
        self.assertEqual(self.run_on(a, self.write("c.json", {"rows": []}))[0], 2)
        self.assertEqual(self.run_on(a, self.folder / "none.json")[0], 2)

    def test_the_rank_test_has_known_values(self):
        # The exact probability of two separate groups of five is 2/252; the normal distribution says 0.0122.
        self.assertAlmostEqual(compare.rank_test([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 0.0122, places=4)
        self.assertEqual(compare.rank_test([1, 1, 1], [1, 1, 1]), 1.0)
        self.assertEqual(compare.rank_test([], [1]), 1.0)
        # With ties, by hand: ranks 12.5 of 18 +- 3.338, so that z is 1.498.
        self.assertAlmostEqual(compare.rank_test([1, 2, 2, 3], [2, 3, 4, 4]), 0.1342, places=4)

    def test_many_rows_are_corrected_for(self):
        self.assertEqual(compare.holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])
        self.assertEqual(compare.holm([0.9, 0.8]), [1.0, 1.0])

    def test_the_interval_contains_the_change(self):
        change, low, high = compare.interval(samples(1, 1), samples(2, 2), random.Random(1))
        self.assertLess(low, change)
        self.assertLess(change, high)
        self.assertTrue(0.9 < low < high < 1.1)


if __name__ == "__main__":
    unittest.main()
