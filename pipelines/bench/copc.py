"""Memory and speed of the COPC writer on a made-up forest slope of any size.

``tengun bench copc --millions 20`` prints a Markdown table: points, seconds, points per second, the
peak resident memory of the process and the bytes a point in the file. Points are made while they are written, 16 a
square metre in strips, as a survey flies them.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.io import copc_write

PIECE = 1_000_000
DENSITY = 16.0


def strips(n_points: int, seed: int = 1) -> Iterator[PointCloud]:
    """Pieces of a million points, one after the other to the north of a strip 1 km wide."""
    rng = np.random.default_rng(seed)
    depth = PIECE / DENSITY / 1000.0
    for i in range(-(-n_points // PIECE)):
        n = min(PIECE, n_points - i * PIECE)
        x, y = 1000.0 * rng.random(n), (i + np.sort(rng.random(n))) * depth
        z = 300.0 + 0.3 * x + 20.0 * np.sin(y / 200.0) + np.where(rng.random(n) < 0.6, 15.0 * rng.random(n), 0.0)
        columns: dict[str, NDArray[np.generic]] = {
            "Intensity": rng.integers(0, 4000, n).astype(np.uint16),
            "ReturnNumber": np.ones(n, dtype=np.uint8),
            "NumberOfReturns": np.ones(n, dtype=np.uint8),
            "Classification": np.zeros(n, dtype=np.uint8),
            "GpsTime": 3e8 + i * 10.0 + np.arange(n) * 1e-5,
        }
        yield PointCloud(x, y, z, columns)


def main(millions: int, folder: Path | None) -> None:
    """Write the file into a temporary folder (in ``folder``) and print the table."""
    with tempfile.TemporaryDirectory(prefix="tengun-bench-", dir=folder) as place:
        path, started = Path(place) / "slope.copc.laz", time.perf_counter()
        n = copc_write.write(path, strips(millions * 1_000_000))
        seconds, peak = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
        typer.echo("| points | seconds | million points/s | peak MB | bytes a point |\n|---|---|---|---|---|")
        typer.echo(f"| {n:,} | {seconds:.0f} | {n / seconds / 1e6:.2f} | {peak:.0f} | {path.stat().st_size / n:.1f} |")
