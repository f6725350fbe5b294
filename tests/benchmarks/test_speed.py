"""The benchmark runs and reports every step; nothing here is timed."""

from __future__ import annotations

import io

from rich.console import Console

from pipelines.bench import speed


def test_every_step_is_reported(tmp_path):
    lines = speed.run(50_000, tmp_path)
    steps = " ".join(line.step for line in lines)
    for step in ("read LAZ", "ground", "terrain", "volumes"):
        assert step in steps
    assert all(line.seconds > 0 and line.n_points > 0 for line in lines)
    console = Console(width=140, file=io.StringIO())
    console.print(speed.table(lines))
    assert "million points/s" in console.file.getvalue()
