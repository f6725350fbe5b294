"""Do the 95 % intervals of volumes hold? Surveys with correlated errors, of which the truth is known.

``tengun bench coverage`` prints how many of 200 intervals contain the truth.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray
from scipy import ndimage
from shapely import Point

from pointcloud.change.sigma import SurveyQuality
from pointcloud.change.stable import stable_ground
from pointcloud.change.uncertainty import VolumeBudget, error_model, total_budget, zone_budget
from pointcloud.change.volume import Interval
from pointcloud.grid import Grid, Raster

GRID = Grid(52_000, -98_000, 200, 200, 1.0)
SHORT, LONG = 1.2, 10.0
"""Standard deviation (m) of the filters that make errors reach some 4 m and some 30 m."""

LONG_SHARE = 0.03
"""Share of the variance that reaches far."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """One pair: the change measured, its quality, and what is true."""

    change: Raster
    quality: SurveyQuality
    truth: Floats


def make_case(seed: int) -> Case:
    """A scar and a deposit under noise that reaches far, twice as strong in one half of the area.

    The later survey lies too high or too low by some centimetres, which is taken out on stable ground.
    """
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(*GRID.centres())
    u, v = x - GRID.west, y - GRID.south
    depth = random.uniform(1.0, 3.0, 2)
    scar = np.clip(1.0 - ((u - 90) / 22) ** 2 - ((v - 120) / 30) ** 2, 0.0, None)
    deposit = np.clip(1.0 - ((u - 105) / 25) ** 2 - ((v - 55) / 18) ** 2, 0.0, None)
    truth = depth[1] * deposit - depth[0] * scar
    scatter = np.where(u < 90, 0.10, 0.20)
    field = np.sqrt(1.0 - LONG_SHARE) * _noise(random, SHORT) + np.sqrt(LONG_SHARE) * _noise(random, LONG)
    flat = np.zeros(GRID.shape)
    quality = SurveyQuality(scatter / np.sqrt(2.0), flat, flat, flat)
    measured = truth + scatter * field + random.normal(0.0, 0.05)
    level = np.median(measured)
    stable = stable_ground(Raster(measured - level, GRID))
    return Case(Raster(measured - np.mean(measured[stable]), GRID), quality, truth)


def intervals(case: Case) -> dict[str, tuple[Interval, float]]:
    """Each interval with the true value that it should contain."""
    nothing = np.zeros(GRID.shape)
    error = error_model(case.change, case.quality, case.quality, (nothing, nothing))
    everywhere = np.ones(GRID.shape, dtype=np.bool_)
    found = {}
    for name, (east, north, radius) in {"scar": (90, 120, 40), "deposit": (105, 55, 34)}.items():
        polygon = Point(GRID.west + east, GRID.south + north).buffer(radius)
        x, y = np.meshgrid(*GRID.centres())
        inside = np.hypot(x - GRID.west - east, y - GRID.south - north) < radius
        found.update(_named(f"zone {name}", zone_budget(case.change, polygon, error), case.truth[inside]))
    found.update(_named("whole", total_budget(case.change, everywhere, error), case.truth))
    return found


Outcome = dict[str, list[tuple[bool, float]]]
"""By quantity and pair: whether the interval contains the truth, and its error over half its width."""


def outcomes(n_cases: int, first_seed: int) -> Outcome:
    """What became of every interval of some pairs."""
    found: Outcome = {}
    for seed in range(first_seed, first_seed + n_cases):
        for name, ((low, high), true) in intervals(make_case(seed)).items():
            ratio = (0.5 * (low + high) - true) / (0.5 * (high - low))
            found.setdefault(name, []).append((bool(low <= true <= high), float(ratio)))
    return found


def coverage(found: Outcome) -> tuple[dict[str, float], dict[str, float]]:
    """Share of intervals that contain the truth, and mean error over half width, by quantity."""
    shares = {name: float(np.mean([hit for hit, _ in pairs])) for name, pairs in found.items()}
    return shares, {name: float(np.mean([ratio for _, ratio in pairs])) for name, pairs in found.items()}


def _named(name: str, budget: VolumeBudget, truth: Floats) -> dict[str, tuple[Interval, float]]:
    cut, fill = float(-truth[truth < 0].sum()), float(truth[truth > 0].sum())
    v = budget.volume
    main = "cut" if cut > fill else "fill"
    found = {"net": (v.net_ci95_m3, fill - cut), main: (getattr(v, f"{main}_ci95_m3"), max(cut, fill))}
    if name == "whole":
        found |= {"cut": (v.cut_ci95_m3, cut), "fill": (v.fill_ci95_m3, fill)}
        found["raw net"] = (budget.raw.net_ci95_m3, fill - cut)
    return {f"{name} {key}": (interval, true) for key, (interval, true) in found.items() if interval is not None}


def _noise(random: np.random.Generator, reach: float) -> Floats:
    """Gaussian noise of unit variance, smoothed by a Gaussian of ``reach`` metres, on a torus."""
    field = ndimage.gaussian_filter(random.normal(size=GRID.shape), reach / GRID.cell, mode="wrap")
    impulse = np.zeros(GRID.shape)
    impulse[0, 0] = 1.0
    scale = np.sqrt(np.sum(ndimage.gaussian_filter(impulse, reach / GRID.cell, mode="wrap") ** 2))
    return np.asarray(field / scale, dtype=np.float64)


def main(n_cases: int, first_seed: int, save: Path | None) -> None:
    """Print the share of 95 % intervals that contain the truth; parts run one by one are joined in ``save``."""
    found = outcomes(n_cases, first_seed)
    if save is not None:
        if save.exists():
            for name, pairs in json.loads(save.read_text("utf-8")).items():
                found[name] = [*pairs, *found.get(name, [])]
        save.write_text(json.dumps(found), encoding="utf-8")
    number = len(next(iter(found.values())))
    typer.echo(f"95 % intervals that contain the truth, of {number} pairs; mean error in half widths")
    shares, errors = coverage(found)
    for name, share in shares.items():
        typer.echo(f"{name:20s} {share:6.1%}  {errors[name]:+.2f}")
    typer.echo(f"{'mean':20s} {np.mean([hit for pairs in found.values() for hit, _ in pairs]):6.1%}")
