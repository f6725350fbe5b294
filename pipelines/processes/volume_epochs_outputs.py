"""Every file of ``volume-epochs``: numbers, rasters and maps of each pair, diagram, papers, archive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pipelines.media_types import COG, XLSX
from pipelines.process import OutputFile
from pipelines.processes.volume_comparison import Comparison
from pipelines.processes.volume_epochs_steps import Dated, Names
from pipelines.processes.volume_outputs import write_archive, write_item, write_reports
from pipelines.progress import Text
from pipelines.workspace import write_json
from pointcloud.change.uncertainty import significance
from pointcloud.drawing.epochs_book import write_epochs_book
from pointcloud.drawing.epochs_report import epochs_report
from pointcloud.drawing.picture import change_map
from pointcloud.drawing.volume_charts import series_diagram
from pointcloud.drawing.volume_words import Picture, printed_volumes
from pointcloud.ground.relief import hillshade
from pointcloud.io.raster import write_cog

ARCHIVE: Final = "epochs.zip"


class PairFiles:
    """Rasters and maps of the pairs, written while the pairs are compared; terrains of all epochs first.

    Parameters
    ----------
    folder
        Where to write.
    epochs
        In order; files are named by dates, which are unique and spell the same everywhere.
    """

    def __init__(self, folder: Path, epochs: Mapping[str, Dated]) -> None:
        self._folder, self._epochs = folder, epochs
        self.listed: list[OutputFile] = []
        self.pictures: list[Picture] = []
        for name, one in epochs.items():
            text = Text(f"Terrain {name} (m)", f"{name} の地盤標高 (m)")
            self._raster(f"dtm_{one.surveyed}", one.epoch.surfaces.terrain, text)

    def write(self, names: Names, compared: Comparison) -> None:
        """Write difference, significance and map of one pair."""
        early, late = (self._epochs[name] for name in names)
        stem, pair = f"{early.surveyed}_{late.surveyed}", f"{names[0]} → {names[1]}"
        self._raster(f"difference_{stem}", compared.change, Text(f"Change {pair} (m)", f"標高差分 {pair} (m)"))
        if compared.error is not None:
            text = Text(f"Significance {pair}", f"標高差分/標準偏差 {pair}")
            self._raster(f"significance_{stem}", significance(compared.change, compared.error), text)
        outlines = [(f"{z.name}  {printed_volumes(v)['net']} m³", z.polygon) for z, v in compared.zones]
        file = f"difference_{stem}.png"
        light = hillshade(late.epoch.surfaces.terrain)
        change_map(self._folder / file, compared.change, light, outlines, f"標高差分図 Elevation change: {pair}")
        self.add_picture(Picture(file, f"Elevation change {pair}", f"標高差分 {pair}"))

    def add_picture(self, picture: Picture) -> None:
        """List a picture that stands in the folder."""
        self.pictures.append(picture)
        self.listed.append(OutputFile(picture.file, "image/png", Text(picture.en, picture.ja)))

    def _raster(self, stem: str, raster: Any, title: Text) -> None:
        write_cog(self._folder / f"{stem}.tif", raster, descriptions=[title.en])
        self.listed.append(OutputFile(f"{stem}.tif", COG, title))


def write_outputs(
    folder: Path, epochs: Mapping[str, Dated], pairs: PairFiles, summary: Mapping[str, Any]
) -> tuple[OutputFile, ...]:
    """Write numbers, diagram and papers beside the pairs' files, and all of it into one archive.

    Parameters
    ----------
    folder
        Of the outputs.
    epochs
        In order.
    pairs
        What stands in the folder already.
    summary
        What epochs.json holds.
    """
    write_json(folder / "epochs.json", summary)
    days = {name: one.surveyed for name, one in epochs.items()}
    project = summary["parameters"]["project"]
    title = project or "多時期の土量変化 Volume change over many surveys"
    series_diagram(folder / "series.png", summary["series"], days, title)
    pairs.add_picture(Picture("series.png", "Volume since the first survey", "最初の時期からの土量"))
    files = [OutputFile("epochs.json", "application/json", Text("Volumes", "土量計算結果")), *pairs.listed]
    write_epochs_book(folder / "epochs.xlsx", summary)
    files.append(OutputFile("epochs.xlsx", XLSX, Text("Tables (XLSX)", "土量の表 (XLSX)")))
    files += write_reports(folder, summary, pairs.pictures, epochs_report)
    grid, span = next(iter(epochs.values())).epoch.surfaces.terrain.grid, (min(days.values()), max(days.values()))
    total = summary["series"][0]["rows"][-1]["since_first"]
    files.append(write_item(folder, files, grid, span, datetime.now(UTC), total, title))
    files.append(write_archive(folder, files, ARCHIVE))
    return tuple(files)
