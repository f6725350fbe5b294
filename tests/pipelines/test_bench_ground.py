"""The ground scoreboard: its arithmetic and its table."""

from __future__ import annotations

import numpy as np

from pipelines.bench.ground import Score, confusion, table


def test_confusion_by_hand() -> None:
    truth = np.array([True] * 6 + [False] * 4)
    found = np.array([True] * 5 + [False] + [True] + [False] * 3)
    # chance agreement (6 x 6 + 4 x 4) / 100 = 0.52, observed 0.8: kappa = 0.28 / 0.48
    np.testing.assert_allclose(
        confusion(truth, found), (100 / 6, 25.0, 20.0, 100 * 0.28 / 0.48), rtol=1e-12
    )  # rounding


def test_perfect_and_one_class_only() -> None:
    truth = np.ones(4, dtype=bool)
    assert confusion(truth, truth) == (0.0, 0.0, 0.0, 100.0)


def test_table_has_a_line_a_file_and_the_mean() -> None:
    scores = [Score("m", name, 1.0, 2.0, total, 90.0, 0.0, 0.1, 1e6, 100.0) for name, total in (("a", 3.0), ("b", 5.0))]
    lines = table(scores, "ISPRS").splitlines()
    assert len(lines) == 5
    assert "mean of 2" in lines[-1]
    assert "| 4.00 |" in lines[-1]
