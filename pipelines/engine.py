"""Surfaces of a survey, tile by tile, so that memory follows a tile and not the survey."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines import cluster, stage_arguments, stage_cache, stages, tile_surfaces, tiling
from pipelines.cluster_order import Order
from pipelines.document import shipped
from pipelines.stage_cache import StageCache
from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.errors import FileError, ParameterError
from pointcloud.grid import Grid, Raster
from pointcloud.ground.parameters import GroundParameters, Occupied, required_halo, survey_parameters
from pointcloud.io import las
from pointcloud.io.survey import Survey

Report = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class SurveySurfaces:
    """The surfaces of one survey on one grid.

    Parameters
    ----------
    terrain
        DTM in metres, NaN where void.
    top
        DSM in metres, NaN where no return fell.
    confidence
        Trust in the terrain's height from the ground filter, 0-1, float32, NaN where the terrain is void: mean over
        the points of the cell that are no noise, or, where none fell, over those in the square that reaches
        ``max_gap`` to each side.
    is_surveyed
        Cells within ``max_gap`` of any return; the rest of the grid lies outside the survey.
    key_points
        Ground points inside the grid that carry the terrain, without attributes.
    ground_points
        All ground points (class 2) inside the grid, without attributes: an alignment sees more in them.
    counts
        ``in`` = points by class (``class_2`` ...) + ``outside`` the grid; ``key_points`` of them carry the terrain.
    ground
        Parameters that the ground filter used.
    """

    terrain: Raster
    top: Raster
    confidence: Raster
    is_surveyed: NDArray[np.bool_]
    key_points: PointCloud
    ground_points: PointCloud
    counts: Counter[str]
    ground: dict[str, Any]


def survey_grid(survey: Survey, cell: float) -> Grid:
    """The grid of a survey: its extent, on whole multiples of the cell."""
    return Grid.covering(survey.bounds, cell, survey.crs)


def survey_surfaces(
    survey: Survey,
    grid: Grid,
    max_gap: float,
    report: Report,
    options: Mapping[str, Any] = MappingProxyType({}),
    *,
    with_terrain: bool = True,
) -> SurveySurfaces:
    """Classify the ground and make terrain and top surfaces on ``grid``.

    Parameters
    ----------
    survey
        Tiles of one epoch.
    grid
        Where the surfaces are wanted; points beyond it are used as far as the stages reach.
    max_gap
        Metres without a ground point beyond which the terrain is void.
    report
        Called with the share done (0-1) after each tile.
    options
        Arguments of the ground stage (`ground_options`).
    with_terrain
        False: the terrain is left NaN, for a caller that makes one of its own from the ground points; confidence is
        then known wherever a point is near.

    Raises
    ------
    TengunError
        When a file cannot be read or the run is cancelled.
    """
    parameters, tiles = _tiles(survey, grid, max_gap, options)
    work, n = _Work(grid, Counter({"in": survey.n_points})), len(tiles)

    def made_from(tile: _Tile) -> dict[str, Any]:
        return _made_from(survey, tile.core, tile.reach, parameters.as_dict(), max_gap, with_terrain)

    def made(i: int) -> stage_cache.Arrays:
        tile, cloud = tiles[i], tiles[i].read()
        report((i + 0.4) / n)
        return tile_surfaces.surfaces(tile.core, cloud, parameters, max_gap, with_terrain=with_terrain)

    def order(i: int, cache: StageCache) -> Order:
        tile, given = tiles[i], {"parameters": parameters.as_dict(), "max_gap": max_gap, "with_terrain": with_terrain}
        entry = cache.arrays_path("surfaces", made_from(tile))
        reach = tile.reach or grid.bounds  # one of several tiles has a reach of its own
        return _order("surfaces", (i, n), entry, cache, survey, tile.core, reach, given)

    report(0.0)
    for i in cluster.in_turn(n, order, report):
        work.add(tiles[i].core, stage_cache.arrays("surfaces", partial(made_from, tiles[i]), partial(made, i)))
        report((i + 1) / n)
    work.counts["outside"] = survey.n_points - sum(n for name, n in work.counts.items() if name.startswith("class_"))
    _refuse_loss(survey, grid, work.counts["outside"])
    key_points, ground_points = (_joined(survey, parts) for parts in (work.key_points, work.ground_points))
    return SurveySurfaces(
        Raster(work.terrain, grid), Raster(work.top, grid), Raster(work.confidence, grid), work.is_surveyed,
        key_points, ground_points, work.counts, parameters.as_dict(),
    )  # fmt: skip


def ground_options(document: str, options: Mapping[str, Any], tag: str = "ground") -> dict[str, Any]:
    """The arguments of a ground stage of a document that tengun ships, with a user's options set by tag.

    The tile engine runs that stage (`pipelines.stages.labelled`) on each tile; options of stages that are no ground
    stages of the document would have no effect, and are refused.

    Raises
    ------
    ParameterError
        For an option of another tag, an unknown one, or a value that it does not take.
    """
    tags = [stage.tag for stage in shipped(document).stages if stage.options.get("function") == "ground"]
    known = [f"{one}.{name}" for one in tags for name in stage_arguments.ARGUMENTS["ground"]]
    for name in options:
        if name not in known:
            raise ParameterError(
                f"options: '{name}' is not set here; allowed are {', '.join(known)}; "
                f"other stages are set with: tengun pipeline run {document} --set {name}=...",
                f"options: '{name}' はここでは指定できません。使えるもの: {', '.join(known)}。"
                f"他の工程は tengun pipeline run {document} --set で指定してください。",
                value=name,
                candidates=known,
            )
    chosen = shipped(document).with_options(options)
    stage = chosen.stages[chosen.tagged(tag)]
    return stage_arguments.parsed_arguments("ground", stage.label, stage.options.get("pdalargs"))


def is_one_tile(survey: Survey, grid: Grid) -> bool:
    """Whether a survey is small enough to be worked on as a whole."""
    return len(tiling.plan(grid, survey.n_points, 0.0)) == 1


def ground_parameters(survey: Survey, grid: Grid, options: Mapping[str, Any]) -> GroundParameters:
    """Parameters of the ground filter from the whole survey, so that its tiles are filtered alike."""
    cores = [tile.core for tile in tiling.plan(grid, survey.n_points, 0.0)]

    def made_from(core: Grid) -> dict[str, Any]:
        return _made_from(survey, core, None, {})

    def order(i: int, cache: StageCache) -> Order:
        entry = cache.arrays_path("spacing", made_from(cores[i]))
        return _order("spacing", (i, len(cores)), entry, cache, survey, cores[i], cores[i].bounds, {})

    def parts() -> Iterator[Occupied]:
        for i in cluster.in_turn(len(cores), order):
            make = partial(tile_surfaces.spacing, survey, cores[i])
            kept = stage_cache.arrays("spacing", partial(made_from, cores[i]), make)
            yield Occupied(int(kept["n_points"]), kept["cells"])

    return survey_parameters(parts(), **options)


def _order(
    stage: str,
    place: tuple[int, int],
    entry: Path,
    cache: StageCache,
    survey: Survey,
    core: Grid,
    reach: Bounds,
    given: Mapping[str, Any],
) -> Order:
    """The order for a tile of a survey, which `tile_surfaces.make_ordered` makes."""
    files = [info for info in survey.files if info.bounds.touches(reach)]
    name = f"{place[0] + 1}/{place[1]} (E {core.bounds.x_min:.0f}, N {core.bounds.y_min:.0f})"
    window = [core.column, core.south_row, core.n_columns, core.n_rows, core.cell]
    arguments = {**given, "core": window, "reach": reach.as_tuple()}
    return Order.of(stage, name, [entry], cache, survey, files, arguments)


def kept_parameters(
    survey: Survey, grid: Grid, options: Mapping[str, Any], find: Callable[[], GroundParameters]
) -> GroundParameters:
    """The parameters of the filter that ``find`` finds in the survey's points, where they are not known already."""

    def found() -> stage_cache.Arrays:
        return {name: np.asarray(value) for name, value in find().as_dict().items()}

    made_from = partial(_made_from, survey, grid, None, options, is_one_tile(survey, grid))
    kept = stage_cache.arrays("parameters", made_from, found)
    return GroundParameters(**{name: value.item() for name, value in kept.items()})


@dataclass(frozen=True, slots=True)
class _Tile:
    """A tile's core, the rectangle of the points that it needs (None: all), and what reads them."""

    core: Grid
    reach: Bounds | None
    read: Callable[[], PointCloud]


def _tiles(
    survey: Survey, grid: Grid, max_gap: float, options: Mapping[str, Any]
) -> tuple[GroundParameters, list[_Tile]]:
    """Parameters of the filter, and the tiles; a small survey is read once."""
    is_small = is_one_tile(survey, grid)
    whole = cache(partial(survey.read, dimensions=stages.LOOKED_AT))

    def parameters() -> GroundParameters:
        if is_small:
            return survey_parameters(stages.without_noise(whole()), **options)
        return ground_parameters(survey, grid, options)

    chosen = kept_parameters(survey, grid, options, parameters)
    if is_small:
        return chosen, [_Tile(grid, None, whole)]
    halo = required_halo(chosen) + max_gap + grid.cell  # right labels as far as the TIN and the voids look
    tiles = tiling.plan(grid, survey.n_points, halo)
    read = partial(survey.read, dimensions=stages.LOOKED_AT)
    return chosen, [_Tile(tile.core, tile.reach, partial(read, bounds=tile.reach)) for tile in tiles]


def _made_from(
    survey: Survey, grid: Grid, reach: Bounds | None, options: Mapping[str, Any], *more: float
) -> dict[str, Any]:
    """What the surfaces of a tile, or the parameters of the filter, hang on."""
    return {
        "survey": stage_cache.survey_identity(survey),
        "grid": [grid.column, grid.south_row, grid.n_columns, grid.n_rows, grid.cell],
        "reach": None if reach is None else reach.as_tuple(),
        "options": dict(options),
        "more": more,
    }


def _refuse_loss(survey: Survey, grid: Grid, n_outside: int) -> None:
    """On a grid that holds the whole survey every point has a tile."""
    inner, outer = survey.bounds, grid.bounds
    is_held = inner.union(outer) == outer and inner.x_max < outer.x_max and inner.y_max < outer.y_max
    if n_outside and is_held:
        raise FileError(
            f"{survey.files[0].path.name}: {n_outside} of {survey.n_points} points were not found inside the extent "
            "that the files state; repair the headers, for example with: pdal translate IN.laz OUT.laz",
            f"{survey.files[0].path.name}: 全 {survey.n_points} 点のうち {n_outside} 点がヘッダの範囲内に"
            "見つかりません。ヘッダを修復してください (例: pdal translate IN.laz OUT.laz)。",
            value=n_outside,
        )


def _joined(survey: Survey, parts: list[NDArray[np.float64]]) -> PointCloud:
    x, y, z = (np.concatenate([part[axis] for part in parts]) for axis in range(3))
    return PointCloud(x, y, z, {}, survey.crs, survey.vertical_datum)


class _Work:
    """The surfaces while tiles come in."""

    def __init__(self, grid: Grid, counts: Counter[str]) -> None:
        self.grid, self.counts = grid, counts
        self.terrain, self.top = np.full(grid.shape, np.nan), np.full(grid.shape, np.nan)
        self.confidence = np.full(grid.shape, np.nan, dtype=np.float32)
        self.is_surveyed = np.zeros(grid.shape, dtype=np.bool_)
        self.key_points: list[NDArray[np.float64]] = []
        self.ground_points: list[NDArray[np.float64]] = []

    def add(self, core: Grid, made: stage_cache.Arrays) -> None:
        """Write a tile's surfaces into its window, and count the points of its core."""
        window = core.window_in(self.grid)
        if "terrain" in made:
            self.terrain[window] = made["terrain"]
        self.confidence[window] = made["confidence"]
        self.top[window] = made["top"]
        self.is_surveyed[window] = made["is_surveyed"]
        self.key_points.append(made["key_points"])
        self.ground_points.append(made["ground_points"])
        self.counts["key_points"] += made["key_points"].shape[1]
        self.counts.update(_by_class(made["classes"], made["numbers"]))


def class_counts(labels: NDArray[np.uint8]) -> Counter[str]:
    """Points by class: ``class_2`` -> number."""
    numbers = np.bincount(labels)
    codes = np.flatnonzero(numbers)
    return _by_class(codes, numbers[codes])


def _by_class(codes: NDArray[np.integer], numbers: NDArray[np.intp]) -> Counter[str]:
    return Counter({f"class_{code}": int(number) for code, number in zip(codes, numbers, strict=True)})


def read_file(survey: Survey, index: int, dimensions: Sequence[str] = stages.LOOKED_AT) -> PointCloud:
    """All points of one file in file order, with those of ``dimensions`` that it has."""
    cloud = las.read(survey.files[index].path, dimensions=dimensions)
    return replace(cloud, crs=survey.crs, vertical_datum=survey.vertical_datum)
