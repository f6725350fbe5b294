"""Diagrams of a volume as PNG: along a stream, and over the surveys of a series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pointcloud.drawing.picture import font

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CUT, _FILL, _NET = "#d6604d", "#4393c3", "black"


def chainage_diagram(path: Path, reaches: Sequence[tuple[float, float, float, float, float]], title: str) -> None:
    """Write a PNG of cut, fill and what is carried on along a stream.

    Parameters
    ----------
    path
        Where to write.
    reaches
        From and to (m), cut and fill (m3), and the balance of all stretches so far (m3), from the top.
    title
        One line above.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, fontproperties=font(12), loc="left")
    start, end, cut, fill, carried = (np.array(column) for column in zip(*reaches, strict=True))
    axes.bar(start, -cut, end - start, align="edge", color=_CUT, label="切土 cut")
    axes.bar(start, fill, end - start, align="edge", color=_FILL, label="盛土 fill")
    axes.plot(np.append(start[:1], end), np.append(0.0, carried), color="black", marker="o", markersize=3,
              label="下流へ流れた量 carried downstream")  # fmt: skip
    axes.axhline(0.0, color="black", linewidth=0.6)
    axes.set_xlabel("追加距離 Chainage from the top (m)", fontproperties=font(9))
    axes.set_ylabel("土量 Volume (m³)", fontproperties=font(9))
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, color="0.85", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.legend(prop=font(8))
    figure.savefig(path, metadata={"Software": "tengun"})


def series_diagram(path: Path, series: Sequence[Mapping[str, Any]], days: Mapping[str, date], title: str) -> None:
    """Write a PNG of cut, fill and net since the first survey, one panel for the whole and each zone.

    Parameters
    ----------
    path
        Where to write.
    series
        ``series`` of epochs.json; more than six are drawn up to the sixth.
    days
        Date of each epoch, the first one included.
    title
        One line above.
    """
    shown = series[:6]
    figure, panels = _panels(len(shown))
    figure.suptitle(title, fontproperties=font(12), x=0.01, ha="left")
    first = min(days.values())
    for axes, one in zip(panels, shown, strict=True):
        rows = one["rows"]
        when = [first, *(days[row["epoch"]] for row in rows)]
        _draw_series(axes, when, [row["since_first"] for row in rows])
        name = "全体 Whole" if one["zone"] is None else one["zone"]
        axes.set_title(name, fontproperties=font(9), loc="left")
    panels[0].legend(prop=font(8))
    figure.savefig(path, metadata={"Software": "tengun"})


def _panels(n: int) -> tuple[Figure, list[Axes]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = 1 if n == 1 else 2
    down = -(-n // across)
    figure = Figure(figsize=(10, 0.5 + 3.2 * down), dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, [figure.add_subplot(down, across, i + 1) for i in range(n)]


def _draw_series(axes: Axes, when: Sequence[date], volumes: Sequence[Mapping[str, Any]]) -> None:
    """Cut below zero, fill above, net between; bars are 95 % intervals. The first survey stands at zero."""
    lines = (("cut", -1.0, _CUT, "切土 cut"), ("fill", 1.0, _FILL, "盛土 fill"), ("net", 1.0, _NET, "差引 net"))
    days: Any = np.array(when, dtype="datetime64[D]")
    for name, sign, colour, label in lines:
        values = np.array([0.0, *(sign * v[f"{name}_m3"] for v in volumes)])
        limits = [sorted(sign * x for x in v[f"{name}_ci95_m3"] or (v[f"{name}_m3"],) * 2) for v in volumes]
        low, high = (np.array([0.0, *(pair[i] for pair in limits)]) for i in (0, 1))
        error = np.maximum(np.vstack((values - low, high - values)), 0.0)
        axes.errorbar(days, values, error, color=colour, marker="o", markersize=3.5, capsize=3, linewidth=1.2,
                      label=label)  # fmt: skip
    axes.axhline(0.0, color="black", linewidth=0.6)
    axes.set_ylabel("最初からの土量 Volume since the first (m³)", fontproperties=font(8))
    axes.tick_params(labelsize=7)
    axes.tick_params(axis="x", labelrotation=30)
    axes.grid(visible=True, color="0.85", linewidth=0.5)
    axes.set_axisbelow(True)
