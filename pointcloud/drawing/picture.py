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

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

MAX_PIXELS = 1600
"""Longest side of the drawn raster; larger ones are thinned by whole cells."""

LEAST_DRAWN_M = 0.10
"""Changes smaller than this (metres) fade into the hillshade."""

MAIN_WIDTH, OTHER_WIDTH = 9.0, 6.0
"""Inches of the map of change, and of the others; letters have one size on all."""

_DPI = 150
_LEFT, _RIGHT, _BAR, _TOP, _BOTTOM = 0.72, 0.25, 1.25, 0.42, 0.78
"""Inches of the margins; the right one without and with a colour bar."""

_VOID = (244, 238, 221)
_TWO = "BrBG"
"""Colours of the two sides of `share_map`, which readers of any sight tell apart."""

Outline = tuple[str, Polygon | MultiPolygon]


def hillshade_map(path: Path, light: Raster, title: str) -> None:
    """Write a PNG of a terrain's hillshade.

    Parameters
    ----------
    path
        Where to write.
    light
        `pointcloud.ground.relief.hillshade` of the terrain, 0-1; NaN is drawn in a pale tint that the legend explains.
    title
        One line above the map.
    """
    sheet = _Sheet(light.grid, title, OTHER_WIDTH, has_bar=False)
    sheet.show(_relief(light))
    sheet.write(path)


def change_map(path: Path, change: Raster, light: Raster, outlines: Sequence[Outline], title: str) -> None:
    """Write a PNG of change over hillshade: cut (切土) red, fill (盛土) blue.

    Parameters
    ----------
    path
        Where to write.
    change
        After minus before in metres, NaN where void.
    light
        Hillshade of the terrain, 0-1, on the same grid.
    outlines
        Label and polygon of each zone.
    title
        One line above the map.
    """
    sheet = _Sheet(change.grid, title, MAIN_WIDTH, has_bar=True)
    step = _step(change.grid)
    values = change.values[::step, ::step]
    limit = _colour_limit(values)
    strength = np.clip((np.abs(values) - LEAST_DRAWN_M) / max(0.15 * limit, LEAST_DRAWN_M), 0.0, 0.85)
    sheet.show(_painted(_relief(light), values, "RdBu", (-limit, limit), strength))
    sheet.bar("RdBu", (-limit, limit), "標高差 後−前  Elevation change, after − before (m)\n切土 cut ← 0 → 盛土 fill")
    sheet.outline(outlines)
    sheet.write(path)


def value_map(
    path: Path,
    values: Raster,
    light: Raster,
    outlines: Sequence[Outline],
    title: str,
    label: str,
    colours: str,
    limits: tuple[float, float],
) -> None:
    """Write a PNG of values over hillshade.

    Parameters
    ----------
    path
        Where to write.
    values
        NaN where nothing is to be drawn.
    light
        Hillshade of the terrain, 0-1, on the same grid.
    outlines
        Label and polygon of each area.
    title
        One line above the map.
    label
        Beside the colour bar.
    colours
        Name of a colour map.
    limits
        Values of its two ends.
    """
    sheet = _Sheet(values.grid, title, OTHER_WIDTH, has_bar=True)
    step = _step(values.grid)
    thin = values.values[::step, ::step]
    sheet.show(_painted(_relief(light), thin, colours, limits, np.full(thin.shape, 0.65)))
    sheet.bar(colours, limits, label)
    sheet.outline(outlines)
    sheet.write(path)


def share_map(path: Path, share: Raster, light: Raster, title: str, words: tuple[str, str]) -> None:
    """Write a PNG of what belongs to an area and what does not, over hillshade.

    Parameters
    ----------
    path
        Where to write.
    share
        1 in the area, 0 outside, NaN where nothing is to be drawn.
    light
        Hillshade of the terrain, 0-1, on the same grid.
    title
        One line above the map.
    words
        What 1 and 0 are called in the key.
    """
    sheet = _Sheet(share.grid, title, OTHER_WIDTH, has_bar=False)
    step = _step(share.grid)
    thin = share.values[::step, ::step]
    sheet.show(_painted(_relief(light), thin, _TWO, (0.0, 1.0), np.full(thin.shape, 0.65)))
    sheet.key(_TWO, (1.0, 0.0), words)
    sheet.write(path)


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
def font(size: float) -> FontProperties:
    """Noto Sans JP from a package, in points."""
    import pylopdf_fonts_jp
    from matplotlib.font_manager import FontProperties

    folder = Path(pylopdf_fonts_jp.__file__).parent
    return FontProperties(fname=folder / "NotoSansJP-Regular.otf", size=size)


class _Sheet:
    """A map being drawn: its axes are placed by hand, since a layout engine would draw everything twice."""

    def __init__(self, grid: Grid, title: str, across: float, *, has_bar: bool) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self._grid = grid
        width = across - _LEFT - (_BAR if has_bar else _RIGHT)
        height = width * min(max(grid.n_rows / grid.n_columns, 0.4), 2.0)
        total = height + _TOP + _BOTTOM
        self._figure = Figure(figsize=(across, total))
        FigureCanvasAgg(self._figure)
        self._axes = self._figure.add_axes((_LEFT / across, _BOTTOM / total, width / across, height / total))
        self._place = (
            1.0 - (_BAR - 0.15) / across,
            (_BOTTOM + 0.12 * height) / total,
            0.2 / across,
            0.76 * height / total,
        )
        self._axes.set_title(title, fontproperties=font(12), loc="left")

    def show(self, picture: NDArray[np.uint8]) -> None:
        """Draw the picture of the whole grid."""
        self._axes.imshow(picture, extent=_extent(self._grid), interpolation="antialiased")

    def bar(self, colours: str, limits: tuple[float, float], label: str) -> None:
        """Draw the colour bar."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        bar = self._figure.colorbar(ScalarMappable(Normalize(*limits), colours), cax=self._figure.add_axes(self._place))
        bar.set_label(label, fontproperties=font(8))

    def key(self, colours: str, values: Sequence[float], words: Sequence[str]) -> None:
        """Name the colours of single values in a box on the map."""
        from matplotlib import colormaps
        from matplotlib.patches import Patch

        patches = [Patch(color=colormaps[colours](value), label=w) for value, w in zip(values, words, strict=True)]
        self._axes.legend(handles=patches, prop=font(8), loc="lower right", framealpha=0.85)

    def outline(self, outlines: Sequence[Outline]) -> None:
        """Draw areas with their labels."""
        for name, polygon in outlines:
            _draw_outline(self._axes, name, polygon)

    def write(self, path: Path) -> None:
        """Add coordinates, scale bar and north arrow, and write the file."""
        _finish(self._figure, self._axes, self._grid)
        # no creation date in the file: the same inputs give the same bytes
        options = {"compress_level": 4}
        self._figure.savefig(path, dpi=_DPI, metadata={"Software": "tengun"}, pil_kwargs=options)


def _relief(light: Raster) -> NDArray[np.uint8]:
    """Hillshade as red, green, blue; voids in their tint."""
    step = _step(light.grid)
    thin = light.values[::step, ::step]
    grey = np.repeat(np.nan_to_num(255.0 * thin)[..., None], 3, axis=2).astype(np.uint8)
    grey[np.isnan(thin)] = _VOID
    return grey


def _painted(
    base: NDArray[np.uint8],
    values: NDArray[np.floating],
    colours: str,
    limits: tuple[float, float],
    strength: NDArray[np.floating],
) -> NDArray[np.uint8]:
    """The base with the values' colours laid over it, 0 = base to 1 = colour; NaN leaves the base."""
    from matplotlib import colormaps

    share = np.clip((values - limits[0]) / (limits[1] - limits[0]), 0.0, 1.0)
    table = (255.0 * colormaps[colours](np.linspace(0.0, 1.0, 256))[:, :3]).astype(np.float32)
    paint = table[np.nan_to_num(255.0 * share).astype(np.uint8)]
    weight = np.where(np.isnan(values), 0.0, strength).astype(np.float32)[..., None]
    return np.asarray(base * (1.0 - weight) + paint * weight, dtype=np.uint8)


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
        fontproperties=font(8),
        bbox=box,
        annotation_clip=True,
    )


def _finish(figure: Figure, axes: Axes, grid: Grid) -> None:
    extent = _extent(grid)
    axes.set_xlim(extent[0], extent[1])
    axes.set_ylim(extent[2], extent[3])
    axes.set_aspect("equal")
    axes.ticklabel_format(useOffset=False, style="plain")
    axes.tick_params(labelsize=7)
    axes.tick_params(axis="y", labelrotation=90)
    axes.locator_params(axis="y", prune="lower")
    axes.set_xlabel("東距 Easting (測量 Y, m)", fontproperties=font(8))
    axes.set_ylabel("北距 Northing (測量 X, m)", fontproperties=font(8))
    _scale_bar(axes, extent)
    _north_arrow(axes)
    name = f"EPSG:{grid.crs.to_epsg()}" if grid.crs is not None and grid.crs.to_epsg() else "CRS: see the GeoTIFF"
    note = f"{name}   格子 cell {grid.cell:g} m   淡黄 = データなし  pale = no data"
    figure.text(0.01, 0.08 / figure.get_figheight(), note, fontproperties=font(8))


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
        fontproperties=font(8),
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
        fontproperties=font(11),
        arrowprops=arrow,
    )
