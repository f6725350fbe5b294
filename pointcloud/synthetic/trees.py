"""The valley's plantations: stands of sugi and hinoki in rows, every tree known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from pointcloud.synthetic import kernels, ray_kernels
from pointcloud.synthetic.terrain import Terrain


class Species(IntEnum):
    """Planted species."""

    SUGI = 1
    HINOKI = 2


@dataclass(frozen=True, slots=True)
class Stand:
    """A stand (林小班) and its trees; ``extent`` is (west, south, east, north), metres from the reference point."""

    number: int
    extent: tuple[float, float, float, float]
    species: Species
    age: int

    @property
    def spacing(self) -> float:
        """Mean distance of neighbouring stems in metres: about 2,300 stems a hectare at 20 years, 900 at 60."""
        return 1.75 + 0.026 * self.age

    @property
    def top_height(self) -> float:
        """Mean height of the upper layer in metres."""
        scale, rate = (32.0, 0.027) if self.species is Species.SUGI else (25.0, 0.026)
        return float(scale * (1.0 - np.exp(-rate * self.age)))


@dataclass(frozen=True, slots=True)
class Trees:
    """Tree list: arrays of one length, coordinates in the scene's CRS, lengths in metres.

    ``foot_z`` is the ground height at the stem, ``crown_base`` the height of the crown's lower end above it,
    ``stand`` the number of the stand, ``is_standing_after`` False where the slide took the tree.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    foot_z: NDArray[np.float64]
    height: NDArray[np.float64]
    crown_diameter: NDArray[np.float64]
    crown_base: NDArray[np.float64]
    species: NDArray[np.uint8]
    stand: NDArray[np.int32]
    is_suppressed: NDArray[np.bool_]
    is_standing_after: NDArray[np.bool_]

    def __len__(self) -> int:
        return int(self.x.size)

    def take(self, selection: NDArray[np.bool_]) -> Trees:
        """The trees that a mask selects."""
        return Trees(*(getattr(self, name)[selection] for name in self.__slots__))


def stands(seed: int, extent: tuple[float, float, float, float]) -> list[Stand]:
    """Stands on the flanks of every valley in ``extent``, in blocks of about a hectare, numbered from 1."""
    rng = np.random.default_rng([seed, 1])
    west, south, east, north = extent
    found: list[Stand] = []
    for t0, t1, upper in _belts(west, east):
        for w0 in np.arange(np.floor(south / 100.0) * 100.0, north, 100.0):
            species = Species.HINOKI if upper != (rng.uniform() < 0.25) else Species.SUGI
            age = int(rng.choice([22, 38, 52, 65], p=[0.15, 0.3, 0.35, 0.2]))
            block = (max(t0, west), max(float(w0), south), min(t1, east), min(float(w0) + 100.0, north))
            if rng.uniform() < 0.94 and block[0] < block[2] and block[1] < block[3]:
                found.append(Stand(len(found) + 1, block, species, age))
    return found


def _belts(west: float, east: float) -> list[tuple[float, float, bool]]:
    """East-west belts of forest (from, to, whether it is an upper slope), mirrored at each ridge."""
    period = 2.0 * (kernels.RIDGE_WEST + kernels.RIDGE_EAST)
    core = ((-kernels.RIDGE_WEST, -88.0, True), (-88.0, -20.0, False), (98.0, kernels.RIDGE_EAST, True))
    belts = []
    for k in range(int(np.floor(west / period)) - 1, int(np.ceil(east / period)) + 2):
        for t0, t1, upper in core:
            mirrored = (-2.0 * kernels.RIDGE_WEST - t1, -2.0 * kernels.RIDGE_WEST - t0, upper)
            belts += [(a + k * period, b + k * period, u) for a, b, u in ((t0, t1, upper), mirrored)]
    return sorted(b for b in belts if b[1] > west and b[0] < east)


def plant(stand: Stand, terrain: Terrain, seed: int) -> dict[str, NDArray[np.generic]]:
    """Columns of a stand's trees (t and w for x and y): rows with jitter, a tenth suppressed, some places empty."""
    rng = np.random.default_rng([seed, 2, stand.number])
    west, south, east, north = stand.extent
    steps_t, steps_w = np.arange(west, east, stand.spacing), np.arange(south, north, stand.spacing)
    t, w = (a.ravel() for a in np.meshgrid(steps_t + 0.5 * stand.spacing, steps_w + 0.5 * stand.spacing))
    n = t.size
    t, w = t + rng.normal(0.0, 0.14 * stand.spacing, n), w + rng.normal(0.0, 0.14 * stand.spacing, n)
    is_suppressed = rng.uniform(size=n) < 0.10
    height = stand.top_height * (1.0 + 0.06 * rng.standard_normal(n))
    height *= np.where(is_suppressed, rng.uniform(0.5, 0.7, n), 1.0)
    diameter = stand.spacing * (1.34 + 0.10 * rng.standard_normal(n)) * np.where(is_suppressed, 0.65, 1.0)
    base = height * (0.42 + 0.0025 * stand.age + 0.03 * rng.standard_normal(n))
    foot_z, cover = terrain.at(t, w)
    keep = (cover == kernels.NATURAL) & (rng.uniform(size=n) < 0.93) & _is_plantable(t, w, terrain)
    keep &= (t >= west) & (t < east) & (w >= south) & (w < north)
    columns: dict[str, NDArray[np.generic]] = {
        "x": t, "y": w, "foot_z": foot_z, "height": height, "crown_diameter": np.clip(diameter, 1.0, 6.0),
        "crown_base": base, "species": np.full(n, stand.species, np.uint8),
        "stand": np.full(n, stand.number, np.int32), "is_suppressed": is_suppressed,
    }  # fmt: skip
    return {name: column[keep] for name, column in columns.items()}


def _is_plantable(t: NDArray[np.float64], w: NDArray[np.float64], terrain: Terrain) -> NDArray[np.bool_]:
    """Mask of the places whose surroundings of 2 m are natural ground too, so that no stem stands on a bank's edge."""
    ok = np.ones(t.shape, dtype=bool)
    for dt, dw in ((2.0, 0.0), (-2.0, 0.0), (0.0, 2.0), (0.0, -2.0)):
        ok &= terrain.at(t + dt, w + dw)[1] == kernels.NATURAL
    return ok


@dataclass(frozen=True, slots=True)
class Crowns:
    """Crowns sorted into the cells of an index, as the scanner's kernels take them."""

    rows: NDArray[np.float64]
    first: NDArray[np.int64]
    index: NDArray[np.float64]
    shape: NDArray[np.int64]


def crown_rows(trees: Trees, t: NDArray[np.float64], w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows (t, w, foot z, height, crown length, radius, bluntness, hits a metre, kind) of the trees."""
    is_hinoki = trees.species == Species.HINOKI
    bluntness, density = np.where(is_hinoki, 0.75, 0.35), np.where(is_hinoki, 1.5, 0.9)
    kind = np.full(len(trees), float(ray_kernels.TREE))
    length = trees.height - trees.crown_base
    columns = (t, w, trees.foot_z, trees.height, length, 0.5 * trees.crown_diameter, bluntness, density, kind)
    return np.column_stack(columns)


def indexed(rows: NDArray[np.float64]) -> Crowns:
    """Rows sorted into square cells: cell c = row n_columns + column holds ``rows[first[c]:first[c + 1]]``."""
    cell = ray_kernels.TREE_CELL
    if rows.shape[0] == 0:
        return Crowns(rows, np.zeros(2, np.int64), np.zeros(4), np.array([1, 1], np.int64))
    west, south = rows[:, 0].min(), rows[:, 1].min()
    column, row = ((rows[:, 0] - west) // cell).astype(np.int64), ((rows[:, 1] - south) // cell).astype(np.int64)
    n_rows, n_columns = int(row.max()) + 1, int(column.max()) + 1
    key = row * n_columns + column
    order = np.argsort(key, kind="stable")
    first = np.searchsorted(key[order], np.arange(n_rows * n_columns + 1))
    return Crowns(
        np.ascontiguousarray(rows[order]),
        first.astype(np.int64),
        np.array([west, south, rows[:, 5].max(), rows[:, 3].max() + 12.0]),
        np.array([n_rows, n_columns], dtype=np.int64),
    )
