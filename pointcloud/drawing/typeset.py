"""Sheets as PDF, PNG and SVG, to scale: one millimetre of the sheet is one millimetre of the page.

Japanese text is set in Noto Sans JP from a package and embedded, so that it depends on no machine's fonts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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
#let c(paint, width, dash, points) = place(top + left, curve(
  stroke: (paint: paint, thickness: width * 1mm, dash: dash, cap: "round", join: "round"),
  curve.move((points.at(0).at(0) * 1mm, points.at(0).at(1) * 1mm)),
  ..points.slice(1).map(p => curve.line((p.at(0) * 1mm, p.at(1) * 1mm)))))
#let f(paint, points) = place(top + left, curve(fill: paint, fill-rule: "even-odd",
  curve.move((points.at(0).at(0) * 1mm, points.at(0).at(1) * 1mm)),
  ..points.slice(1).map(p => curve.line((p.at(0) * 1mm, p.at(1) * 1mm))), curve.close()))
#let t(paint, x, y, size, across, along, turn, body) = place(top + left, dx: x * 1mm, dy: y * 1mm,
  box(width: 0pt, height: 0pt, rotate(turn * 1deg, origin: top + left, box(width: 0pt, height: 0pt,
  place(across + along, box(width: 1000mm, align(across, text(size: size * 1mm, fill: paint, body))))))))
"""

_EM = (
    0.80  # height of a character as drawings state it, in em of Noto Sans JP: between capitals (0.73) and kanji (0.88)
)
_DASHES = {"DASHED": '"dashed"', "CENTER": '"dash-dotted"'}
_LEVELS = {"bottom": "bottom", "middle": "horizon", "top": "top"}


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

    def write_png(self, paths: Sequence[Path], dpi: float = 80.0) -> None:
        """Write a PNG of each sheet, one path a sheet.

        Raises
        ------
        ResourceError
            When a file cannot be written.
        """
        self._write(paths, "png", ppi=dpi)

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
        parts += [_item(item, layers[item.role], height) for item in sheet.items]
    return "".join(parts)


def _item(item: Stroke | Label, layer: CadLayer, height: float) -> str:
    paint = f'rgb("{layer.rgb}")'
    if isinstance(item, Label):
        align = f"{item.anchor}, {_LEVELS[item.level]}"
        size = item.size / _EM
        return (
            f"#t({paint}, {item.x:.3f}, {height - item.y:.3f}, {size:.3f}, {align}, {-item.angle:.2f}, "
            f"{_quoted(item.text)})\n"
        )
    points = np.column_stack((item.points[:, 0], height - item.points[:, 1]))
    pairs = "".join(f"({x:.4f},{y:.4f})," for x, y in points.tolist())
    if item.is_filled:
        return f"#f({paint}, ({pairs}))\n"
    return f"#c({paint}, {layer.width}, {_DASHES.get(layer.linetype, 'none')}, ({pairs}))\n"


def _quoted(text: str) -> str:
    return json.dumps(text.replace("\n", " "), ensure_ascii=False)
