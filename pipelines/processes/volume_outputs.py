"""Every file of ``volume-change``: numbers, rasters, maps, papers, drawings, GIS data, and all of it in one archive."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pipelines.media_types import XLSX
from pipelines.process import OutputFile
from pipelines.processes.volume_exchange import write_drawing, write_features
from pipelines.processes.volume_rasters import layers_of, write_maps, write_rasters
from pipelines.processes.volume_result import Result
from pipelines.progress import Text
from pipelines.stac import stac_item
from pipelines.workspace import write_json
from pointcloud.drawing.report import Language, Report, picture_copy, write_report
from pointcloud.drawing.volume_book import write_volume_book
from pointcloud.drawing.volume_facts import book_facts
from pointcloud.drawing.volume_report import volume_report
from pointcloud.drawing.volume_words import Picture
from pointcloud.grid import Grid
from pointcloud.io.staging import staged

ARCHIVE: Final = "volume.zip"
_PACKED: Final = (".tif", ".png", ".pdf", ".xlsx")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_REPORTS: Final[tuple[tuple[Language, Text], ...]] = (
    ("ja", Text("Report in Japanese", "報告書 (日本語)")),
    ("en", Text("Report in English", "報告書 (英語)")),
)


def write_outputs(
    folder: Path,
    result: Result,
    summary: Mapping[str, Any],
    surfaces: Future[OutputFile],
    made: datetime,
    report: Callable[[float], None],
) -> tuple[OutputFile, ...]:
    """Write every deliverable into ``folder`` and list them.

    Parameters
    ----------
    folder
        Holds nothing but the surfaces.
    result, summary
        The result, and what volume.json holds.
    surfaces, made
        What `write_surfaces` is writing, and when it began.
    report
        Called with the share done.
    """
    write_json(folder / "volume.json", summary)
    files = [OutputFile("volume.json", "application/json", Text("Volumes", "土量計算結果"))]
    layers = layers_of(result)
    with ThreadPoolExecutor(1) as pool:
        # compressing rasters and typesetting leave the interpreter free for maps and drawings
        rasters = pool.submit(write_rasters, folder, layers)
        pictures = write_maps(folder, result, layers)
        report(0.5)
        papers = pool.submit(write_papers, folder, summary, pictures)
        drawings = [
            write_features(folder, result),
            write_drawing(folder, result),
            surfaces.result(),
        ]
        report(0.75)
        files += rasters.result()
        files += [OutputFile(p.file, "image/png", Text(p.en, p.ja)) for p in pictures]
        files += [*papers.result(), *drawings]
    report(0.9)
    grid, project = result.compared.change.grid, summary["parameters"]["project"] or "Volume change / 土量変化"
    files.append(write_item(folder, files, grid, _days(summary["parameters"]), made, summary["total"], project))
    files.append(write_archive(folder, files))
    report(1.0)
    return tuple(files)


def write_papers(folder: Path, summary: Mapping[str, Any], pictures: Sequence[Picture]) -> list[OutputFile]:
    """Write the quantity book and the reports."""
    write_volume_book(folder / "volume.xlsx", summary, book_facts(summary))
    book = OutputFile("volume.xlsx", XLSX, Text("Quantity book (XLSX)", "土量計算書 (XLSX)"))
    return [book, *write_reports(folder, summary, pictures, volume_report)]


def write_reports(
    folder: Path,
    summary: Mapping[str, Any],
    pictures: Sequence[Picture],
    report: Callable[[Mapping[str, Any], Sequence[Picture], Language], Report],
) -> list[OutputFile]:
    """Write a report in both languages.

    Parameters
    ----------
    folder
        Of the outputs; the pictures stand there.
    summary, pictures
        What the report says and shows.
    report
        Makes it from both.
    """
    files = []
    with TemporaryDirectory() as scratch:
        copies = [_copied(folder, picture, Path(scratch)) for picture in pictures]
        for language, title in _REPORTS:
            write_report(folder / f"report_{language}.pdf", report(summary, copies, language), Path(scratch))
            files.append(OutputFile(f"report_{language}.pdf", "application/pdf", title))
    return files


def _copied(folder: Path, picture: Picture, scratch: Path) -> Picture:
    """The picture as the report holds it."""
    name = Path(picture.file).with_suffix(".jpg").name
    return replace(picture, file=name, ratio=picture_copy(folder / picture.file, scratch / name))


def _days(parameters: Mapping[str, Any]) -> tuple[date, date] | None:
    """The days of both surveys where both are known."""
    first, last = parameters["before_date"], parameters["after_date"]
    return None if first is None or last is None else (date.fromisoformat(first), date.fromisoformat(last))


def write_item(
    folder: Path,
    files: Sequence[OutputFile],
    grid: Grid,
    days: tuple[date, date] | None,
    made: datetime,
    total: Mapping[str, Any],
    title: str,
) -> OutputFile:
    """Write the STAC Item of the files with the volume ``total``; ``days`` are those of the first and last survey."""
    figures = {f"tengun:{name}": total[name] for name in ("cut_m3", "fill_m3", "net_m3", "area_m2")}
    item = stac_item(folder, files, grid, days, made, figures, title)
    write_json(folder / "stac-item.json", item)
    return OutputFile("stac-item.json", "application/geo+json", Text("STAC Item", "STAC Item (成果の目録)"))


def write_archive(folder: Path, files: Sequence[OutputFile], name: str = ARCHIVE) -> OutputFile:
    """Write all files into one archive; the same files give the same bytes."""
    with staged(folder / name) as stage, zipfile.ZipFile(stage, "w") as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.path, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_STORED if file.path.endswith(_PACKED) else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with (folder / file.path).open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while block := source.read(1 << 20):
                    target.write(block)
    return OutputFile(name, "application/zip", Text("Everything in one archive", "全成果 (ZIP)"))
