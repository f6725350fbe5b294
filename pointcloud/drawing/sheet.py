"""A drawing sheet (図面): lines and texts in millimetres of paper, on layers, independent of any file format.

Origin is the sheet's lower left corner, y upwards. `dxf` and `typeset` write sheets.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from pointcloud.drawing.report import Language
from pointcloud.drawing.volume_words import Words
from pointcloud.errors import ParameterError

Paper = Literal["A1", "A3"]
Anchor = Literal["left", "center", "right"]
Level = Literal["bottom", "middle", "top"]

SIZES: Final[dict[str, tuple[float, float]]] = {"A1": (841.0, 594.0), "A3": (420.0, 297.0)}
"""Width and height in mm, landscape (ISO 216)."""

MARGIN: Final[dict[str, float]] = {"A1": 20.0, "A3": 10.0}
"""Frame to paper edge in mm."""


@dataclass(frozen=True, slots=True)
class CadLayer:
    """How a role is drawn: layer name, AutoCAD colour index, RGB, pen width in mm, line type."""

    name: str
    aci: int
    rgb: str
    width: float
    linetype: str


@dataclass(frozen=True, slots=True)
class Stroke:
    """A broken line: ``points`` in mm, shape (n, 2); ``is_filled`` makes it an area without an edge."""

    role: str
    points: NDArray[np.float64]
    is_filled: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """A text at (x, y) in mm; ``size`` is the height of a character in mm, ``angle`` in degrees counter-clockwise."""

    role: str
    x: float
    y: float
    text: str
    size: float
    anchor: Anchor = "left"
    level: Level = "bottom"
    angle: float = 0.0


@dataclass(slots=True)
class Sheet:
    """One sheet: its paper, scale denominator (200 for 1/200; 0 where scales differ) and what is drawn on it."""

    paper: Paper
    scale: int
    title: str
    items: list[Stroke | Label] = field(default_factory=list)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in mm."""
        return SIZES[self.paper]

    def line(self, role: str, *points: tuple[float, float]) -> None:
        """Add a broken line."""
        self.items.append(Stroke(role, np.array(points, dtype=np.float64)))

    def area(self, role: str, points: NDArray[np.float64]) -> None:
        """Add a filled polygon."""
        self.items.append(Stroke(role, points, is_filled=True))

    def text(
        self,
        role: str,
        x: float,
        y: float,
        text: str,
        size: float = 2.5,
        anchor: Anchor = "left",
        level: Level = "bottom",
        angle: float = 0.0,
    ) -> None:
        """Add a text."""
        self.items.append(Label(role, x, y, text, size, anchor, level, angle))


@cache
def cad_layers() -> dict[str, CadLayer]:
    """Role -> layer, from ``tables/cad_layers.csv``."""
    text = resources.files("pointcloud.drawing").joinpath("tables/cad_layers.csv").read_text("utf-8")
    return {
        row["role"]: CadLayer(row["layer"], int(row["aci"]), row["rgb"], float(row["width_mm"]), row["linetype"])
        for row in csv.DictReader(text.splitlines())
    }


_FORBIDDEN: Final = frozenset('<>/\\":;?*|,=`')
"""Characters that CAD programs refuse in layer names (DXF reference, symbol table entries)."""


def named_layers(names: Mapping[str, str]) -> dict[str, CadLayer]:
    """The layers of `cad_layers`, those in ``names`` (role -> layer name) under other names.

    Raises
    ------
    ParameterError
        When there is no such role, or CAD programs would refuse a name.
    """
    layers = dict(cad_layers())
    for role, name in names.items():
        if role not in layers:
            raise ParameterError(
                f"drawing: no layer role '{role}'; roles are {', '.join(layers)}",
                f"レイヤの役割 '{role}' はありません。使えるもの: {', '.join(layers)}",
                field="cad_layers",
                value=role,
            )
        if not 0 < len(name) <= 255 or _FORBIDDEN & set(name) or not name.isprintable() or name != name.strip():
            raise ParameterError(
                f"drawing: layer name {name!r} of '{role}'; expected 1 to 255 characters, none of "
                f"{' '.join(sorted(_FORBIDDEN))}",
                f"レイヤ名 {name!r} ({role}) は使えません。{' '.join(sorted(_FORBIDDEN))} を含まない 1~255 文字と"
                "してください。",
                field="cad_layers",
                value=name,
            )
        layers[role] = replace(layers[role], name=name)
    return layers


@dataclass(frozen=True, slots=True)
class TitleBlock:
    """What the title block (表題欄) says besides name, scale and number of the sheet, and the drawing's language."""

    project: str = ""
    line: str = ""
    crs: str = ""
    vertical_datum: str = ""
    made_by: str = "tengun"
    language: Language = "ja"

    @property
    def say(self) -> Words:
        """Chooses texts of the drawing."""
        return Words(self.language)


AREAS: Final = ("cut", "fill", "scatter", "low_vegetation", "canopy", "structure")
"""Roles that are drawn as areas."""

TEXT: Final = {"A1": 2.5, "A3": 1.8}
"""Millimetres of the figures on a paper: heights of the CAD drawing standard (1.8, 2.5, 3.5, 5, 7)."""

HEADING: Final = {"A1": 3.5, "A3": 2.5}
"""Millimetres of names and of the title block on a paper: one height further in the same standard."""

BLOCK_WIDTH: Final = {"A1": 150.0, "A3": 110.0}
_ROW: Final = {"A1": 8.0, "A3": 5.5}


def text_width(text: str) -> float:
    """Width of a text in heights of its characters, on the safe side."""
    return sum(0.68 if c.isascii() else 1.3 for c in text)


def fitted(text: str, size: float, room: float) -> float:
    """The height that a text is written in to stay within ``room`` mm: ``size``, or less where it is long."""
    return size * min(1.0, room / max(text_width(text) * size, 1e-9))


def block_height(paper: Paper, legend: Sequence[tuple[str, str]]) -> float:
    """Height in mm of the title block with a legend of so many entries."""
    return _ROW[paper] * (6 + len(legend))


def draw_frame(sheet: Sheet, block: TitleBlock, number: str, scale: str, legend: Sequence[tuple[str, str]]) -> None:
    """Frame, and the title block in the lower right corner with a legend of (role, text) above it."""
    width, height = sheet.size
    m, row, w = MARGIN[sheet.paper], _ROW[sheet.paper], BLOCK_WIDTH[sheet.paper]
    sheet.line("frame", (m, m), (width - m, m), (width - m, height - m), (m, height - m), (m, m))
    left, right, size = width - m - w, width - m, HEADING[sheet.paper]
    values = w * 0.78  # mm that a value or an entry of the legend may be wide
    say = block.say
    rows = [
        (say("Project", "業務名"), block.project), (say("Drawing", "図面名"), sheet.title),
        (say("Line", "路線名"), block.line),
        (say("CRS", "座標系"), "  ".join(t for t in (block.crs, block.vertical_datum) if t)),
        (say("Scale", "縮 尺"), scale), (say("Sheet", "図面番号"), f"{number}   {block.made_by}"),
    ]  # fmt: skip
    top = m + row * len(rows)
    for i, (name, value) in enumerate(rows):
        y = top - row * (i + 1)
        sheet.line("title_line", (left, y + row), (right, y + row))
        sheet.text("title", left + 2, y + row / 2, name, size, level="middle")
        sheet.text("title", left + w * 0.2, y + row / 2, value, fitted(value, size, values), level="middle")
    sheet.line("title_line", (left + w * 0.18, m), (left + w * 0.18, top))
    for i, (role, text) in enumerate(legend):
        y = top + row * (len(legend) - i - 0.5)
        if role in AREAS:
            low, high = y - row * 0.3, y + row * 0.3
            sheet.area(
                role, np.array([(left + 4, low), (left + w * 0.17, low), (left + w * 0.17, high), (left + 4, high)])
            )
        else:
            sheet.line(role, (left + 4, y), (left + w * 0.17, y))
        sheet.text("title", left + w * 0.2, y, text, fitted(text, size, values), level="middle")
    sheet.line("title_line", (left, m), (left, top + row * len(legend)), (right, top + row * len(legend)))
