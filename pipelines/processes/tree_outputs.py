"""Files and summary of a tree inventory, for each process that takes one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pipelines.media_types import COG, GPKG
from pipelines.process import OutputFile
from pipelines.progress import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyproj import CRS

    from pipelines.tree_survey import Inventory
    from pointcloud.forest.stands import Stand
    from pointcloud.forest.stands_table import StandMeasure

CSV_ENCODINGS: Final = {"utf8": "utf-8-sig", "cp932": "cp932"}


def write_maps(folder: Path, inventory: Inventory) -> tuple[OutputFile, ...]:
    """Write trees.gpkg, chm.tif, dtm.tif, ground-density.tif and trees.png."""
    from pointcloud.drawing.picture import value_map
    from pointcloud.forest.tree_files import write_trees
    from pointcloud.ground.relief import hillshade
    from pointcloud.io.raster import write_cog

    found, trees, terrain = inventory.found, inventory.trees, inventory.surfaces.terrain
    rasters = {
        "chm": (found.canopy, Text("Canopy height model (CHM, m)", "樹冠高モデル CHM (m)")),
        "dtm": (terrain, Text("Terrain model (DTM, m)", "地盤標高モデル DTM (m)")),
        "ground-density": (inventory.density, Text("Ground returns (1/m2)", "地盤到達点密度 (点/m2)")),
    }
    for stem, (raster, title) in rasters.items():
        write_cog(folder / f"{stem}.tif", raster, descriptions=[title.en])
    write_trees(folder / "trees.gpkg", trees, found.crowns)
    highest = max(5.0, float(trees.height.max())) if len(trees) else 5.0
    name = inventory.survey.files[0].path.stem
    value_map(
        folder / "trees.png", found.canopy, hillshade(terrain), (), f"樹冠高 Canopy height: {name}",
        f"樹冠高 Canopy height (m)\n{len(trees):,} 本 trees", "YlGn", (0.0, highest),
    )  # fmt: skip
    return (
        OutputFile("trees.gpkg", GPKG, Text("Trees and crowns", "樹頂と樹冠")),
        *(OutputFile(f"{stem}.tif", COG, title) for stem, (_, title) in rasters.items()),
        OutputFile("trees.png", "image/png", Text("Map of canopy height", "樹冠高図")),
    )


def write_stand_layer(
    folder: Path, stands: Sequence[Stand], rows: Sequence[Mapping[str, Any]], crs: CRS | None
) -> tuple[OutputFile, ...]:
    """Write stands.gpkg, the outlines with their figures."""
    from pointcloud.forest.stand_files import write_stand_map

    write_stand_map(folder / "stands.gpkg", stands, rows, crs)
    return (OutputFile("stands.gpkg", GPKG, Text("Stands with their figures", "林小班と集計値")),)


def write_stands(
    folder: Path, stands: Sequence[Stand], measures: Sequence[StandMeasure]
) -> tuple[tuple[OutputFile, ...], list[dict[str, str]]]:
    """Write the stand table as CSV in two encodings; gives the files, and notes on characters that were lost."""
    from pointcloud.drawing.forest_csv import measure_rows

    return write_tables(folder, {"stands": (measure_rows(stands, measures), Text("Stand table", "林小班別集計"))})


def write_tables(
    folder: Path, tables: dict[str, tuple[Any, Text]]
) -> tuple[tuple[OutputFile, ...], list[dict[str, str]]]:
    """Write tables by stem as CSV in UTF-8 and CP932; gives the files, and notes on characters that CP932 lacks."""
    from pointcloud.drawing.text_tables import write_csv
    from pointcloud.notes import Note

    files, notes = [], []
    for stem, (rows, title) in tables.items():
        for suffix, encoding in CSV_ENCODINGS.items():
            name = f"{stem}_{suffix}.csv"
            lost = " ".join(write_csv(folder / name, rows, encoding))
            if lost:
                note = Note("cp932-characters", f"{name}: CP932 lacks {lost}; written as ?",
                            f"{name}: CP932 にない文字 {lost} は ? としました。")  # fmt: skip
                notes.append(note.as_dict())
            label = "UTF-8" if suffix == "utf8" else "CP932"
            files.append(OutputFile(name, "text/csv", Text(f"{title.en} ({label})", f"{title.ja} ({label})")))
    return tuple(files), notes


def inventory_summary(inventory: Inventory) -> dict[str, Any]:
    """What was found, JSON-ready, unrounded."""
    from pipelines.evidence import crs_name, survey_record

    surfaces, found, trees = inventory.surfaces, inventory.found, inventory.trees
    known = np.isfinite(surfaces.terrain.values)
    area = surfaces.terrain.grid.cell_area
    return {
        "survey": survey_record(inventory.survey),
        "crs": crs_name(inventory.survey.crs),
        "cell_m": surfaces.terrain.grid.cell,
        "points": surfaces.counts,
        "ground": surfaces.ground,
        "area_m2": float(np.count_nonzero(known)) * area,
        "void_area_m2": float(np.count_nonzero(surfaces.is_surveyed & ~known)) * area,
        "crown_area_m2": float(np.count_nonzero(found.crowns.labels)) * area,
        "n_trees": len(trees),
        "n_tops_by_method": found.n_by_method,
        "pulses_per_m2": _range(found.windows.density[found.windows.density > 0]),
        "window_radius_m": _range(found.windows.radius),
        "height_m": _range(trees.height),
        "apex_loss_m": _range(trees.apex_loss),
        "confidence": _range(trees.confidence),
    }


def _range(values: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float] | None:
    """Least, median, mean and greatest; None for no values."""
    if values.size == 0:
        return None
    made = {"min": values.min(), "median": np.median(values), "mean": values.mean(), "max": values.max()}
    return {name: float(value) for name, value in made.items()}
