"""An A4 report (報告書) as PDF from headings, texts, tables and figures; Japanese text in an embedded font.

What stands in a block is data, never markup: a zone may be called ``#import``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

from pointcloud.io.staging import staged

Language = Literal["ja", "en"]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 0 is the title of the report."""

    text: str
    level: int = 1
    kind: str = "heading"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; ``size`` in points."""

    text: str
    size: float = 9.0
    kind: str = "paragraph"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of short texts."""

    items: Sequence[str]
    kind: str = "list"


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose head is repeated on each page.

    Parameters
    ----------
    head
        One text a column, or none at all.
    rows
        Texts as they are printed.
    align
        A letter a column: l, r or c.
    widths
        Shares of the width; 0 is as wide as its content.
    caption
        A line above, may be empty.
    size
        Of the characters in points.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    align: str
    widths: Sequence[float]
    caption: str = ""
    size: float = 8.5
    kind: str = "table"


@dataclass(frozen=True, slots=True)
class Figure:
    """Pictures side by side, by file name inside the report's folder; ``width`` in per cent of each one's share."""

    files: Sequence[str]
    captions: Sequence[str]
    width: float = 100.0
    kind: str = "figure"


Block = Heading | Paragraph | Bullets | Table | Figure


@dataclass(frozen=True, slots=True)
class Report:
    """A report: what its head says on every page, its language, and its blocks in order."""

    title: str
    subtitle: str
    made_by: str
    language: Language
    blocks: Sequence[Block]


def picture_copy(source: Path, target: Path) -> float:
    """Write a picture as JPEG, which a report can hold at a tenth of the size of a PNG; its height over its width."""
    from PIL import Image

    with Image.open(source) as image:
        image.convert("RGB").save(target, quality=88, subsampling=0)
        return image.height / image.width


def write_report(path: Path, report: Report, pictures: Path) -> None:
    """Write a report as PDF; the same report and pictures give the same bytes.

    Parameters
    ----------
    path
        Where to write.
    report
        What to write.
    pictures
        Folder with the files of its figures.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    import pylopdf_fonts_jp
    import typst

    template = resources.files("pointcloud.drawing").joinpath("templates/report.typ").read_bytes()
    fonts = Path(pylopdf_fonts_jp.__file__).parent
    compiler = typst.Compiler(root=str(pictures), font_paths=[str(fonts)], ignore_system_fonts=True)
    data = json.dumps(asdict(report), ensure_ascii=False)
    made = compiler.compile(template, format="pdf", sys_inputs={"data": data})
    with staged(path) as stage:
        stage.write_bytes(b"".join(made) if isinstance(made, list) else made or b"")
