"""Maps as PNG: hillshade, and change over hillshade, with scale bar, north arrow, legend and coordinates.

Text is in Japanese and English, set in Noto Sans JP from a package, so that no font of the machine is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from pointcloud.grid import Grid, Raster
from pointcloud.ground.relief import hillshade

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

MAX_PIXELS = 1600
"""Longest side of the drawn raster; larger ones are thinned by whole cells."""

LEAST_DRAWN_M = 0.10
"""Changes smaller than this (metres) fade into the hillshade."""

Outline = tuple[str, Polygon | MultiPolygon]


def hillshade_map(path: Path, terrain: Raster, title: str) -> None:
    """Write a PNG of the terrain's hillshade.

    Parameters
    ----------
    path
        Where to write.
    terrain
        Heights in metres, NaN where void; voids are drawn in a pale tint that the legend explains.
    title
        One line above the map.
    """
    figure, axes = _sheet(terrain.grid, title)
    _draw_relief(axes, terrain)
    _finish(figure, axes, terrain.grid, path)


def change_map(path: Path, change: Raster, terrain: Raster, outlines: Sequence[Outline], title: str) -> None:
    """Write a PNG of change over hillshade: cut (切土) red, fill (盛土) blue.

    Parameters
    ----------
    path
        Where to write.
    change
        After minus before in metres, NaN where void.
    terrain
        The surface to shade, on the same grid.
    outlines
        Label and polygon of each zone.
    title
        One line above the map.
    """
    figure, axes = _sheet(change.grid, title)
    _draw_relief(axes, terrain)
    step = _step(change.grid)
    values = change.values[::step, ::step]
    limit = _colour_limit(values)
    strength = np.clip((np.abs(values) - LEAST_DRAWN_M) / max(0.15 * limit, LEAST_DRAWN_M), 0.0, 0.85)
    image = axes.imshow(
        values, cmap="RdBu", vmin=-limit, vmax=limit, extent=_extent(change.grid), alpha=np.nan_to_num(strength)
    )
    bar = figure.colorbar(image, ax=axes, shrink=0.75, pad=0.02)
    if bar.solids is not None:
        bar.solids.set_alpha(1)
    bar.set_label(
        "標高差 後−前  Elevation change, after − before (m)\n切土 cut ← 0 → 盛土 fill", fontproperties=_font(8)
    )
    for label, polygon in outlines:
        _draw_outline(axes, label, polygon)
    _finish(figure, axes, change.grid, path)


def _colour_limit(values: NDArray[np.floating]) -> float:
    known = np.abs(values[np.isfinite(values)])
    large = known[known > LEAST_DRAWN_M]
    if large.size == 0:
        return 1.0
    return float(max(0.5, np.ceil(np.percentile(large, 99.5) * 2) / 2))


def _step(grid: Grid) -> int:
    return max(1, -(-max(grid.shape) // MAX_PIXELS))


def _extent(grid: Grid) -> tuple[float, float, float, float]:
    b = grid.bounds
    return b.x_min, b.x_max, b.y_min, b.y_max


@cache
def _font(size: float) -> FontProperties:
    import pylopdf_fonts_jp
    from matplotlib.font_manager import FontProperties

    folder = Path(pylopdf_fonts_jp.__file__).parent
    return FontProperties(fname=folder / "NotoSansJP-Regular.otf", size=size)


def _sheet(grid: Grid, title: str) -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ratio = min(max(grid.n_rows / grid.n_columns, 0.4), 2.0)
    figure = Figure(figsize=(10, 8.4 * ratio + 1.4), dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, fontproperties=_font(12), loc="left")
    axes.set_facecolor("#f4eedd")
    return figure, axes


def _draw_relief(axes: Axes, terrain: Raster) -> None:
    step = _step(terrain.grid)
    light = hillshade(terrain).values[::step, ::step]
    axes.imshow(light, cmap="gray", vmin=0.0, vmax=1.0, extent=_extent(terrain.grid))


def _draw_outline(axes: Axes, label: str, polygon: Polygon | MultiPolygon) -> None:
    for part in getattr(polygon, "geoms", [polygon]):
        for ring in (part.exterior, *part.interiors):
            xy = np.asarray(ring.coords)
            axes.plot(xy[:, 0], xy[:, 1], color="black", linewidth=1.4)
    top = polygon.bounds[3]
    centre = polygon.representative_point().x
    box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 2}
    axes.annotate(
        label,
        (centre, top),
        xytext=(0, 5),
        textcoords="offset points",
        ha="center",
        fontproperties=_font(8),
        bbox=box,
        annotation_clip=True,
    )


def _finish(figure: Figure, axes: Axes, grid: Grid, path: Path) -> None:
    extent = _extent(grid)
    axes.set_xlim(extent[0], extent[1])
    axes.set_ylim(extent[2], extent[3])
    axes.set_aspect("equal")
    axes.ticklabel_format(useOffset=False, style="plain")
    axes.tick_params(labelsize=7)
    axes.tick_params(axis="y", labelrotation=90)
    axes.locator_params(axis="y", prune="lower")
    axes.set_xlabel("東距 Easting (測量 Y, m)", fontproperties=_font(8))
    axes.set_ylabel("北距 Northing (測量 X, m)", fontproperties=_font(8))
    _scale_bar(axes, extent)
    _north_arrow(axes)
    name = f"EPSG:{grid.crs.to_epsg()}" if grid.crs is not None and grid.crs.to_epsg() else "CRS: see the GeoTIFF"
    note = f"{name}   格子 cell {grid.cell:g} m   淡黄 = データなし  pale = no data"
    figure.supxlabel(note, fontproperties=_font(8), x=0.01, ha="left")
    # no creation date in the file: the same inputs give the same bytes
    figure.savefig(path, metadata={"Software": "tengun"})


def _scale_bar(axes: Axes, extent: tuple[float, float, float, float]) -> None:
    width = extent[1] - extent[0]
    target = width / 5
    base = 10.0 ** np.floor(np.log10(target))
    length = max(f * base for f in (1.0, 2.0, 5.0) if f * base <= target)
    x, y = extent[0] + 0.03 * width, extent[2] + 0.035 * (extent[3] - extent[2])
    style: dict[str, Any] = {"solid_capstyle": "butt"}
    axes.plot([x, x + length], [y, y], color="white", linewidth=7, **style)
    axes.plot([x, x + length], [y, y], color="black", linewidth=3.5, **style)
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.5}
    axes.annotate(
        f"{length:g} m",
        (x + length / 2, y),
        xytext=(0, 7),
        textcoords="offset points",
        ha="center",
        fontproperties=_font(8),
        bbox=box,
    )


def _north_arrow(axes: Axes) -> None:
    arrow = {"facecolor": "black", "edgecolor": "white", "width": 4, "headwidth": 12, "headlength": 12}
    axes.annotate(
        "N",
        xy=(0.965, 0.975),
        xytext=(0.965, 0.885),
        xycoords="axes fraction",
        ha="center",
        va="center",
        fontproperties=_font(11),
        arrowprops=arrow,
    )
