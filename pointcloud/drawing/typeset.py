"""Sheets as PDF, PNG and SVG, to scale: one millimetre of the sheet is one millimetre of the page.

Japanese text is set in Noto Sans JP from a package and embedded, so that it depends on no machine's fonts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pylopdf_fonts_jp

from pointcloud.drawing.sheet import CadLayer, Label, Sheet, Stroke, cad_layers
from pointcloud.io.staging import staged

_PRELUDE = """\
#set document(date: none, title: {title})
#set page(margin: 0mm)
#set text(font: "Noto Sans JP", top-edge: "cap-height", bottom-edge: "baseline", fallback: false,
  cjk-latin-spacing: none)
#let m(x, y) = curve.move((x * 1mm, y * 1mm))
#let l(x, y) = curve.line((x * 1mm, y * 1mm))
#let c(paint, width, dash, ..parts) = place(top + left, curve(
  stroke: (paint: paint, thickness: width * 1mm, dash: dash, cap: "round", join: "round"), ..parts))
#let f(paint, ..parts) = place(top + left, curve(fill: paint, fill-rule: "even-odd", ..parts, curve.close()))
#let b(paint, size, body) = text(size: size * 1mm, fill: paint, body)
#let h(at, x, y, ..label) = place(at, dx: x * 1mm, dy: y * 1mm, b(..label))
#let t(turn, at, x, y, ..label) = place(at, dx: x * 1mm, dy: y * 1mm, rotate(turn * 1deg, origin: at, b(..label)))
"""

_EM = (
    0.80  # height of a character as drawings state it, in em of Noto Sans JP: between capitals (0.73) and kanji (0.88)
)
_DASHES = {"DASHED": '"dashed"', "CENTER": '"dash-dotted"'}
_LEVELS = {"bottom": ("bottom", 1.0), "middle": ("horizon", 0.5), "top": ("top", 0.0)}
_ANCHORS = {"left": 0.0, "center": 0.5, "right": 1.0}
"""Where a text is held, and the share of the page that such a place is counted from."""


class Typesetter:
    """Sheets that are set once and written in several formats.

    Parameters
    ----------
    sheets
        One or more.
    """

    def __init__(self, sheets: Sequence[Sheet]) -> None:
        import typst

        fonts = Path(pylopdf_fonts_jp.__file__).parent
        self._width = max((sheet.size[0] for sheet in sheets), default=1.0)
        self._source = markup(sheets).encode("utf-8")
        self._compiler: Any = typst.Compiler(font_paths=[str(fonts)], ignore_system_fonts=True)

    def write_pdf(self, path: Path) -> None:
        """Write one PDF with a page a sheet; the same sheets give the same bytes.

        Raises
        ------
        ResourceError
            When the file cannot be written.
        """
        self._write([path], "pdf")

    def write_png(self, paths: Sequence[Path], pixels: int = 1600) -> None:
        """Write a PNG of each sheet, one path a sheet, ``pixels`` wide where the first sheet is as wide as any.

        Raises
        ------
        ResourceError
            When a file cannot be written.
        """
        self._write(paths, "png", ppi=25.4 * pixels / self._width)

    def write_svg(self, paths: Sequence[Path]) -> None:
        """Write an SVG of each sheet, one path a sheet; texts are outlines.

        Raises
        ------
        ResourceError
            When a file cannot be written.
        """
        self._write(paths, "svg")

    def _write(self, paths: Sequence[Path], kind: Literal["pdf", "png", "svg"], **options: Any) -> None:
        made = self._compiler.compile(self._source, format=kind, **options)
        for path, content in zip(paths, made if isinstance(made, list) else [made], strict=True):
            with staged(path) as stage:
                stage.write_bytes(content)


def markup(sheets: Sequence[Sheet]) -> str:
    """The sheets in the typesetter's language."""
    parts = [_PRELUDE.format(title=_quoted(sheets[0].title if sheets else ""))]
    layers = cad_layers()
    for i, sheet in enumerate(sheets):
        width, height = sheet.size
        parts.append(f"#{'pagebreak()' if i else ''}\n" if i else "")
        parts.append(f"#set page(width: {width}mm, height: {height}mm)\n")
        for _, together in groupby(sheet.items, _curve):
            parts.append(_set(list(together), layers, sheet.size))
    return "".join(parts)


def _curve(item: Stroke | Label) -> str | int:
    """What items that follow each other and become one curve have in common: the lines of a role."""
    return id(item) if isinstance(item, Label) or item.is_filled else item.role


def _set(items: Sequence[Stroke | Label], layers: Mapping[str, CadLayer], page: tuple[float, float]) -> str:
    """One text or area, or lines of one role as one curve, which is set a third faster."""
    layer = layers[items[0].role]
    paint, parts = f'rgb("{layer.rgb}")', []
    for item in items:
        if isinstance(item, Label):
            return _label(item, paint, page)
        points = np.column_stack((item.points[:, 0], page[1] - item.points[:, 1])).tolist()
        parts += [f"{'l' if i else 'm'}({x:.4f},{y:.4f})," for i, (x, y) in enumerate(points)]
        if item.is_filled:
            return f"#f({paint}, {''.join(parts)})\n"
    return f"#c({paint}, {layer.width}, {_DASHES.get(layer.linetype, 'none')}, {''.join(parts)})\n"


def _label(item: Label, paint: str, page: tuple[float, float]) -> str:
    kind = f"t({-item.angle:.2f}, " if item.angle else "h("
    level, down = _LEVELS[item.level]
    x, y = item.x - _ANCHORS[item.anchor] * page[0], page[1] - item.y - down * page[1]
    return f"#{kind}{item.anchor} + {level}, {x:.3f}, {y:.3f}, {paint}, {item.size / _EM:.3f}, {_quoted(item.text)})\n"


def _quoted(text: str) -> str:
    return json.dumps(text.replace("\n", " "), ensure_ascii=False)
