"""Pictures of a claim as SVG: maps of the stands, height distributions, the years of the crediting period.

Texts are in Japanese and English and drawn as outlines, so that no font of the machine is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from pointcloud.forest.carbon_result import Claim, StandCarbon, Standing
from pointcloud.io.staging import staged

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

MOST_LABELS: Final = 60
"""Stands that are labelled on a map; more would cover each other."""

MOST_HISTOGRAMS: Final = 12
"""Stands whose heights are drawn, those with the greatest absorption first."""

_NOTHING: Final = "#e4e4e4"


def stand_map(
    path: Path,
    claim: Claim,
    values: Sequence[float],
    title: str,
    label: str,
    colours: str,
    limits: tuple[float, float] | None = None,
) -> None:
    """Write a map of the stands coloured by value, NaN in grey.

    Parameters
    ----------
    path
        Where to write, ``.svg``.
    claim
        Its stands are drawn.
    values
        One a stand, in the claim's order.
    title, label
        Above the map and beside the colour bar.
    colours
        Name of a colour map.
    limits
        Values of its two ends; without them those of the stands.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    drawn = [(s, v) for s, v in zip(claim.stands, values, strict=True) if s.stand.polygon is not None]
    known = [v for _, v in drawn if math.isfinite(v)]
    low, high = limits or ((min(known), max(known)) if known else (0.0, 1.0))
    scale = Normalize(low, high if high > low else low + 1.0)
    figure = _figure((7.2, 1.0 + 4.8 * _shape(drawn)))
    axes = figure.add_subplot()
    axes.set_title(title, fontproperties=_font(11), loc="left")
    for item, value in drawn:
        colour = colormaps[colours](scale(value)) if math.isfinite(value) else _NOTHING
        _draw(axes, item, colour, has_label=len(drawn) <= MOST_LABELS)
    axes.set_aspect("equal", adjustable="datalim")
    axes.autoscale_view()
    axes.ticklabel_format(useOffset=False, style="plain")
    axes.locator_params(nbins=5)
    axes.tick_params(labelsize=7)
    axes.set_xlabel("東距 Easting (m)     灰色 = 値なし grey: no value", fontproperties=_font(8))
    axes.set_ylabel("北距 Northing (m)", fontproperties=_font(8))
    if known:
        bar = figure.colorbar(ScalarMappable(scale, colours), ax=axes, shrink=0.7, pad=0.02)
        bar.set_label(label, fontproperties=_font(8))
        bar.ax.tick_params(labelsize=7)
    _scale_bar(axes)
    _write(figure, path)


def _shape(drawn: Sequence[tuple[StandCarbon, float]]) -> float:
    """Height of the stands' extent over its width, within what a page takes."""
    boxes = np.array([s.stand.polygon.bounds for s, _ in drawn if s.stand.polygon is not None]).reshape(-1, 4)
    if boxes.size == 0:
        return 1.0
    width, height = boxes[:, 2].max() - boxes[:, 0].min(), boxes[:, 3].max() - boxes[:, 1].min()
    return float(min(max(height / max(width, 1.0), 0.35), 1.1))


def _draw(axes: Axes, item: StandCarbon, colour: object, has_label: bool) -> None:
    """A stand: hatched where it does not count."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    polygon = item.stand.polygon
    if polygon is None:
        return
    for part in getattr(polygon, "geoms", [polygon]):
        rings = [np.asarray(ring.coords)[:, :2] for ring in (part.exterior, *part.interiors)]
        shape = Outline.make_compound_path(*(Outline(ring, closed=True) for ring in rings))
        hatch = None if item.status is Standing.CREDITED else "////"
        axes.add_patch(PathPatch(shape, facecolor=colour, edgecolor="black", linewidth=0.7, hatch=hatch))
        axes.update_datalim(rings[0])
    if has_label:
        place = polygon.representative_point()
        box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1}
        axes.annotate(item.stand.id, (place.x, place.y), ha="center", va="center", fontproperties=_font(7), bbox=box)


def _scale_bar(axes: Axes) -> None:
    """Scale bar in the lower left corner, north arrow in the upper right one."""
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    base = 10.0 ** math.floor(math.log10((east - west) / 4))
    length = max(f * base for f in (1.0, 2.0, 5.0) if f * base <= (east - west) / 4)
    x, y = west + 0.03 * (east - west), south + 0.03 * (north - south)
    axes.plot([x, x + length], [y, y], color="black", linewidth=3, solid_capstyle="butt")
    axes.annotate(f"{length:g} m", (x + length / 2, y), xytext=(0, 4), textcoords="offset points", ha="center",
                  fontproperties=_font(8))  # fmt: skip
    arrow = {"facecolor": "black", "edgecolor": "none", "width": 2, "headwidth": 8, "headlength": 8}
    axes.annotate("N", xy=(0.97, 0.985), xytext=(0.97, 0.90), xycoords="axes fraction", ha="center", va="center",
                  fontproperties=_font(9), arrowprops=arrow)  # fmt: skip


def height_histograms(path: Path, claim: Claim) -> None:
    """Write the distributions of tree heights by stand.

    The upper layer's mean is a line, the curve of the site class that counts and the next better one are dotted.
    """
    shown = sorted((s for s in claim.stands if s.measure.heights.size), key=lambda s: -s.absorption)[:MOST_HISTOGRAMS]
    columns = min(max(len(shown), 1), 4)
    rows = max(-(-len(shown) // columns), 1)
    figure = _figure((7.8, 1.6 * rows + 0.35))  # the words below the picture need this width
    top = max((float(s.measure.heights.max()) for s in shown), default=30.0)
    edges = np.arange(0.0, min(top, 80.0) + 2.0)
    for i, item in enumerate(shown):
        axes = figure.add_subplot(rows, columns, i + 1)
        axes.hist(item.measure.heights, bins=edges.tolist(), color="#7fae7f", edgecolor="white", linewidth=0.3)
        axes.axvline(item.measure.height_upper, color="#b03020", linewidth=1.3)
        if item.site is not None:
            for height in (item.site.lower, item.site.upper):
                if math.isfinite(height):
                    axes.axvline(height, color="black", linewidth=0.8, linestyle=":")
        name = "" if item.site is None else f"  地位 class {item.site.curve.name}"
        axes.set_title(f"{item.stand.id}{name}", fontproperties=_font(7), loc="left")
        axes.tick_params(labelsize=6)
    figure.supxlabel("樹高 Height (m)   赤 = 上層平均 red: upper layer   点線 = 地位曲線 dotted: class curves",
                     fontproperties=_font(8))  # fmt: skip
    figure.supylabel("本数 Trees", fontproperties=_font(8))
    _write(figure, path)


def year_chart(path: Path, claim: Claim) -> None:
    """Write absorption, emission and credit by fiscal year."""
    figure = _figure((7.2, 2.7))
    axes = figure.add_subplot()
    years = np.array([y.year for y in claim.years])
    up = np.array([[y.absorption, y.replanting] for y in claim.years]).reshape(-1, 2)
    axes.bar(years, up[:, 0], color="#5b9a68", label="吸収量 absorption")
    if up[:, 1].any():
        axes.bar(years, up[:, 1], bottom=up[:, 0], color="#b7d8a8", label="再造林 replanting")
    emission = np.array([y.emission for y in claim.years])
    if emission.any():
        axes.bar(years, -emission, color="#c96a4a", label="主伐排出 emission")
    axes.plot(years, [y.credit for y in claim.years], color="black", marker="o", markersize=3, linewidth=1,
              label="認証見込 credit")  # fmt: skip
    axes.axhline(0.0, color="black", linewidth=0.6)
    axes.set_xticks(years, [str(y) for y in years])
    axes.set_ylabel("t-CO2 / 年 a year", fontproperties=_font(8))
    axes.tick_params(labelsize=7)
    axes.legend(prop=_font(7), ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.17), frameon=False)
    _write(figure, path)


@cache
def _font(size: float) -> FontProperties:
    import pylopdf_fonts_jp
    from matplotlib.font_manager import FontProperties

    return FontProperties(fname=Path(pylopdf_fonts_jp.__file__).parent / "NotoSansJP-Regular.otf", size=size)


def _figure(size: tuple[float, float]) -> Figure:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasSVG(figure)
    return figure


def _write(figure: Figure, path: Path) -> None:
    """The same picture gives the same bytes: no date, ids from a fixed salt."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "tengun", "svg.fonttype": "path"}), staged(path) as stage:
        figure.savefig(stage, format="svg", metadata={"Date": None})
