"""The benchmark runs and reports every step; nothing here is timed."""

from __future__ import annotations

import io

from rich.console import Console

from pipelines.bench import speed
from pointcloud.synthetic import valley


def test_every_step_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "_scene", lambda _: valley(density=0.5))  # one of the full density has millions
    lines = speed.run(50_000, tmp_path)
    steps = " ".join(line.step for line in lines)
    for step in ("read LAZ", "ground", "terrain", "volumes"):
        assert step in steps
    assert all(line.seconds > 0 and line.n_points > 0 for line in lines)
    console = Console(width=140, file=io.StringIO())
    console.print(speed.table(lines))
    assert "million points/s" in console.file.getvalue()


def test_the_scene_has_the_points_asked_for():
    scene = speed._scene(10_000_000)
    n_pulses = scene.density * scene.size_m**2
    assert n_pulses < 10_000_000 < 1.5 * n_pulses  # under vegetation a pulse has several returns
