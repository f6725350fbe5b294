"""The ground filters by place: under canopy, on slopes, on roads; and by the density of the points."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipelines.bench.ground import bias_and_rmse, confusion, terrain
from pipelines.bench.ground_methods import Mask, filters, run_apart
from pipelines.bench.ground_surveys import read, thinned
from pointcloud.cloud import PointCloud
from pointcloud.grid import Grid, Raster
from pointcloud.ground.height import height_above_ground

Floats = NDArray[np.float64]
DENSITIES = (None, 8.0, 4.0, 2.0, 1.0)
"""Points a square metre to which a survey is thinned; None: as it is."""
SCENE_DENSITIES = (16.0, 4.0)
PULSES = "pulses/m2"
COVERS = (1.0 / 3.0, 2.0 / 3.0)
"""Canopy cover, the share of returns more than 2 m above the ground within 5 m: open, half and closed."""
CANOPY_HEIGHT, COVER_CELLS = 2.0, 5
SLOPES_DEG = (15.0, 30.0)
WATER, BRIDGE, ROAD = 9, 17, 11
PLACES = ("all", "open", "half cover", "closed canopy", "< 15 deg", "15-30 deg", "> 30 deg", "roads, fields")


@dataclass(frozen=True, slots=True)
class Reference:
    """A survey whose ground is known.

    Parameters
    ----------
    name
        For the tables.
    cloud, truth, counted, bridge
        Points without their classes; those on the ground; those that count for the errors; those on bridges.
    grid, heights
        Cells of 1 m and their true height in metres, NaN where unknown.
    places
        Name of ``PLACES`` -> its cells.
    """

    name: str
    cloud: PointCloud
    truth: Mask
    counted: Mask
    bridge: Mask
    grid: Grid
    heights: Floats
    places: dict[str, Mask]


def of_tile(path: Path) -> Reference:
    """A classified file: its class 2 is the ground, water is not counted; roads where it has class 11."""
    cloud, classes = read(path)
    grid = Grid.covering(cloud.bounds, 1.0)
    heights = terrain(cloud, classes == 2, grid)
    road = np.zeros(grid.shape, dtype=bool)
    rows, columns = grid.cells_of(cloud.x[classes == ROAD], cloud.y[classes == ROAD])
    road[rows, columns] = True
    places = places_of(cloud, heights, road, grid)
    return Reference(path.name, cloud, classes == 2, classes != WATER, classes == BRIDGE, grid, heights, places)


def of_scenes(n_scenes: int, size_m: float = 300.0) -> Iterator[Reference]:
    """Synthetic valleys with slopes to 45 degrees and their exact ground; bare are roads, yards and fields."""
    from pointcloud.synthetic import valley
    from pointcloud.synthetic.kernels import BARE
    from pointcloud.synthetic.scanner import Kind

    for seed, density in itertools.product(range(1, n_scenes + 1), SCENE_DENSITIES):
        scene = valley(size_m=size_m, seed=seed, density=density, max_slope_deg=45.0)
        survey = scene.survey("before")
        cloud = PointCloud(survey.cloud.x, survey.cloud.y, survey.cloud.z)
        grid = Grid.covering(cloud.bounds, 1.0)
        heights = np.asarray(scene.surface_on(grid).values, dtype=np.float64)
        x, y = grid.centres()
        bare = scene.terrain("before").at(x[np.newaxis, :] - scene.origin[0], y[:, np.newaxis] - scene.origin[1])[1]
        places = places_of(cloud, heights, bare == BARE, grid)
        counted = np.ones(len(cloud), dtype=bool)
        bridge = survey.kind == Kind.BRIDGE
        name = f"valley {seed}, {density:g} {PULSES}"
        yield Reference(name, cloud, survey.is_ground, counted, bridge, grid, heights, places)


def places_of(cloud: PointCloud, heights: Floats, bare: Mask, grid: Grid) -> dict[str, Mask]:
    """Cells by place, of a survey and its true heights."""
    above = height_above_ground(cloud, Raster(heights, grid)) > CANOPY_HEIGHT
    rows, columns = grid.cells_of(cloud.x, cloud.y)
    flat, size = rows * grid.n_columns + columns, grid.n_rows * grid.n_columns
    high, all_ = (
        ndimage.uniform_filter(np.bincount(flat[mask], minlength=size).reshape(grid.shape).astype(float), COVER_CELLS)
        for mask in (above, slice(None))
    )
    cover = high / np.maximum(all_, 1e-9)
    slope = np.degrees(np.arctan(np.hypot(*np.gradient(heights, grid.cell))))
    masks = (
        np.ones(grid.shape, dtype=bool), cover < COVERS[0], (cover >= COVERS[0]) & (cover < COVERS[1]),
        cover >= COVERS[1], slope < SLOPES_DEG[0], (slope >= SLOPES_DEG[0]) & (slope < SLOPES_DEG[1]),
        slope >= SLOPES_DEG[1], bare,
    )  # fmt: skip
    return dict(zip(PLACES, masks, strict=True))


def errors_by_place(reference: Reference, error: Floats, names: Sequence[str]) -> str:
    """Bias / RMSE (m) at the places as cells of a Markdown table; empty where nothing is known."""
    found = (bias_and_rmse(error[reference.places[name]]) for name in names)
    return " | ".join("" if np.isnan(bias) else f"{bias:+.3f} / {rmse:.3f}" for bias, rmse in found)


def method_table(references: Sequence[Reference]) -> str:
    """Every method on every survey: errors of the labels, of the terrain by place, speed and memory."""
    titles = " | ".join(f"{name}: bias / RMSE m" for name in PLACES)
    head = "| survey | method | type I % | type II % | total % | kappa % | bridge that is ground "
    lines = [f"{head}| {titles} | million points/s | memory added MB |", "|---" * (9 + len(PLACES)) + "|"]
    for reference, method in itertools.product(references, filters()):
        found = run_apart(method, reference.cloud)
        error = terrain(reference.cloud, found.carriers, reference.grid) - reference.heights
        rate = len(reference.cloud) / found.seconds / 1e6
        lines.append(
            f"| {reference.name} | {method} | {_errors(reference, found.ground)} "
            f"| {errors_by_place(reference, error, PLACES)} | {rate:.2f} | {found.added_mb:.0f} |"
        )
    return "\n".join(lines)


def density_table(references: Sequence[Reference]) -> str:
    """The terrain of tengun's key points by cover, whole and thinned: its bias should depend on neither."""
    from pointcloud.ground.classify import classify

    names = PLACES[:4]
    titles = " | ".join(f"{name}: bias / RMSE m" for name in names)
    lines = [
        f"| survey | points/m2 | {titles} | type I % | type II % | total % | kappa % | bridge that is ground |",
        "|---" * (7 + len(names)) + "|",
    ]
    for reference in references:
        own = len(reference.cloud) / reference.cloud.bounds.area
        for density in (d for d in DENSITIES if d is None or d < 0.9 * own):
            kept = thinned(reference.cloud, density)
            part = reference.cloud.take(np.flatnonzero(kept))
            result = classify(part)
            error = terrain(part, result.key_points, reference.grid) - reference.heights
            lines.append(
                f"| {reference.name} | {density or own:.1f} | {errors_by_place(reference, error, names)} "
                f"| {_errors(reference, result.labels == 2, kept)} |"
            )
    return "\n".join(lines)


def _errors(reference: Reference, ground: Mask, kept: Mask | slice = slice(None)) -> str:
    """Type I, type II, total and kappa (%) and bridge points that are ground, as cells of a Markdown table."""
    counted, truth, bridge = (mask[kept] for mask in (reference.counted, reference.truth, reference.bridge))
    values = " | ".join(f"{value:.2f}" for value in confusion(truth[counted], ground[counted]))
    n = np.count_nonzero(bridge)
    return f"{values} | " + (f"{np.count_nonzero(ground & bridge)} of {n}" if n else "")
