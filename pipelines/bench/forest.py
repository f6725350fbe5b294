"""How long trees, crowns and a stand table take on a large survey, beside scikit-image's watershed.

The trees of a synthetic valley are known, so what was found is held against them: recall of the upper layer and of
suppressed trees (tops within 1.6 m), and the share of the found trees that are true ones.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.spatial import cKDTree

from pipelines.bench import timing
from pipelines.processes.tree_inventory import TreeInventory, TreeParameters
from pointcloud.forest import canopy, crowns
from pointcloud.forest.tree_files import read_trees
from pointcloud.forest.trees import LOWEST_TREE, Tops
from pointcloud.io import las
from pointcloud.io.raster import read_raster
from pointcloud.synthetic import valley

RETURNS_PER_M2: Final = 19.4
"""Returns a square metre of the valley at 16 pulses."""

REACH: Final = 1.6
"""Metres between a true tree and a found top that are one."""

_STANDS = 16


def write_survey(folder: Path, n_points: int) -> None:
    """Write survey.laz of about that many points, 16 stands, and the true trees."""
    scene = valley(size_m=max(300.0, math.sqrt(n_points / RETURNS_PER_M2)), seed=2)
    survey, truth = scene.survey("before"), scene.truth.trees
    las.write(folder / "survey.laz", survey.cloud)
    np.savez(folder / "truth.npz", x=truth.x, y=truth.y, height=truth.height, is_suppressed=truth.is_suppressed)
    side, n = scene.size_m / math.isqrt(_STANDS), math.isqrt(_STANDS)
    west, south = scene.bounds.x_min, scene.bounds.y_min
    features = [
        {"type": "Feature", "properties": {"林小班": f"{i + 1}-{j + 1}", "樹種": "スギ", "林齢": 45},
         "geometry": {"type": "Polygon", "coordinates": [[
             [west + (i + a) * side, south + (j + b) * side] for a, b in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))
         ]]}}
        for i in range(n) for j in range(n)
    ]  # fmt: skip
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{scene.crs.to_epsg()}"}}
    stands = {"type": "FeatureCollection", "crs": crs, "features": features}
    (folder / "stands.geojson").write_text(json.dumps(stands, ensure_ascii=False), encoding="utf-8")


def timed(folder: Path, out: Path) -> dict[str, Any]:
    """Seconds and peak memory of the process on the survey in ``folder``, what it found, and the peer's seconds."""
    inputs = {"survey": [folder / "survey.laz"], "stands": [folder / "stands.geojson"]}
    run = timing.timed(TreeInventory(), inputs, TreeParameters(points=False), out)
    found = run.summary
    return {
        "points": found["survey"]["n_points"],
        "seconds": round(run.seconds, 1),
        "cpu_seconds": round(run.cpu_seconds, 1),
        "writing_seconds": round(run.stages["write"], 1),
        "peak_gb": round(run.peak_gb, 2),
        "stands": len(found["stands"]),
        **_found(folder, out),
        **_crowns(out),
    }


def _found(folder: Path, out: Path) -> dict[str, Any]:
    """Trees found, and how they agree with the true ones."""
    trees, truth = read_trees(out / "trees.gpkg"), np.load(folder / "truth.npz")
    true_places, places = (np.column_stack((t["x"], t["y"])) for t in (truth, {"x": trees.x, "y": trees.y}))
    distance, nearest = cKDTree(places).query(true_places)
    back = cKDTree(true_places).query(places)[1]
    hit = (distance < REACH) & (back[nearest] == np.arange(len(true_places)))
    upper = ~truth["is_suppressed"]
    raw = (trees.height[nearest] - truth["height"])[hit & upper]
    corrected = raw + trees.apex_loss[nearest][hit & upper]
    return {
        "trees": len(trees),
        "recall_upper": round(float(hit[upper].mean()), 3),
        "recall_suppressed": round(float(hit[~upper].mean()), 3),
        "precision": round(float(hit.sum() / len(trees)), 3),
        "bias_as_measured_m": round(float(raw.mean()), 2),
        "rmse_as_measured_m": round(float(np.sqrt((raw**2).mean())), 2),
        "bias_m": round(float(corrected.mean()), 2),
        "rmse_m": round(float(np.sqrt((corrected**2).mean())), 2),
    }


def _crowns(out: Path) -> dict[str, Any]:
    """Seconds of CPU that crowns take from the same canopy and tops: ours, and scikit-image's where it is installed."""
    model, trees = read_raster(out / "chm.tif"), read_trees(out / "trees.gpkg")
    smooth = canopy.smoothed(model)
    order = np.argsort(-trees.height, kind="stable")
    tops = Tops(trees.x[order], trees.y[order], trees.height[order])
    made: dict[str, Any] = {}
    for method in ("growth", "watershed"):
        begin = time.process_time()
        grown = crowns.crowns(smooth, tops, method)
        made[f"{method}_cpu_seconds"] = round(time.process_time() - begin, 2)
    try:
        peer = import_module("skimage.segmentation")
    except ImportError:
        return {**made, "skimage": "not installed: pip install --group bench"}
    heights = np.nan_to_num(smooth.values)
    markers = np.zeros(heights.shape, np.int32)
    rows, columns = smooth.grid.cells_of(grown.tops.x, grown.tops.y)
    markers[rows, columns] = np.arange(1, len(grown.tops) + 1)
    begin = time.process_time()
    peer.watershed(-heights, markers, mask=heights >= LOWEST_TREE)
    return {**made, "skimage_watershed_cpu_seconds": round(time.process_time() - begin, 2)}


def main(n_points: int) -> None:
    """Write the survey, then time the process twice in processes of their own: the first run compiles."""
    with tempfile.TemporaryDirectory(prefix="tengun-bench-") as name:
        write_survey(Path(name), n_points)
        for run in ("first run, compiles", "timed"):
            out = Path(name) / run.split()[0]
            out.mkdir()
            command = [sys.executable, "-m", "pipelines.bench.forest", name, str(out)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
            result = json.loads(done.stdout)
            print_result(run, result)


def print_result(title: str, result: dict[str, Any]) -> None:
    """Print the figures one a line."""
    from rich.console import Console

    console = Console(width=100, highlight=False)
    console.print(f"tengun bench forest ({title})")
    for name, value in result.items():
        console.print(f"  {name:28s} {value:>14,}" if not isinstance(value, str) else f"  {name:28s} {value}")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(timed(Path(sys.argv[1]), Path(sys.argv[2]))) + "\n")
