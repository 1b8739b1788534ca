"""The cost script: against figures worked out by hand, and against the guide that quotes it."""

import math
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import cost  # noqa: E402


class Cost(unittest.TestCase):
    def test_nodes_by_hand(self):
        # 3 tasks of one core and 2 GB: 3 * 730 * (0.03238 + 2 * 0.00356).
        self.assertEqual(cost.Size().nodes(30_000), 3)
        self.assertAlmostEqual(cost.monthly(30_000)["connection nodes"], 86.505, places=3)

    def test_nats_by_hand(self):
        # 3 * (730 * 0.0336 + 50 * (0.08 + 1.5 * 0.05))
        self.assertAlmostEqual(cost.monthly(1_000)["NATS servers"], 96.834, places=3)

    def test_tiers(self):
        tiers = ((10, 2.0), (5, 1.0), (math.inf, 0.5))
        for amount, expected in ((0, 0), (10, 20), (12, 22), (15, 25), (25, 30)):
            self.assertEqual(cost.tiered(amount, tiers), expected)

    def test_messages_to_browsers_by_hand(self):
        # Of one connection: 60 * 730 * 600 B and 730 * 3600 / 25 pings of 100 B, at 0.085 a GB.
        load = cost.Load(files_per_day=0, reconnects_per_day=0)
        expected = 1_000 * (60 * 730 * 600 + 730 * 3600 / 25 * 100) / 1e9 * 0.085
        self.assertAlmostEqual(cost.monthly(1_000, load)["CloudFront"], expected)

    def test_more_costs_more(self):
        sums = [sum(cost.monthly(n).values()) for n in (1, 1_000, 30_000, 100_000, 1_000_000)]
        self.assertEqual(sums, sorted(sums))
        self.assertTrue(all(part > 0 for part in cost.monthly(1_000).values()))

    def test_the_guide_quotes_it(self):
        printed = subprocess.run([sys.executable, HERE.parent / "cost.py"], capture_output=True, text=True, check=True)
        guide = (HERE.parent / "README.md").read_text()
        self.assertIn(printed.stdout.strip(), guide, "infra/README.md has other figures than infra/cost.py prints")

    def test_nonsense_is_refused(self):
        for line in (["0"], ["many"], ["--zones", "x"]):
            run = subprocess.run([sys.executable, HERE.parent / "cost.py", *line], capture_output=True, text=True)
            self.assertEqual(run.returncode, 2, line)


if __name__ == "__main__":
    unittest.main()
