"""Rasters and maps of ``volume-change``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipelines.process import OutputFile
from pipelines.processes.terrain import COG
from pipelines.processes.volume_result import Epoch, Result
from pipelines.progress import Text
from pointcloud.change.uncertainty import level_of_detection, significance
from pointcloud.drawing.picture import change_map, hillshade_map
from pointcloud.ground.relief import hillshade
from pointcloud.io.raster import write_cog

WHEN = {"before": "変化前", "after": "変化後"}


def write_outputs(folder: Path, result: Result, report: Callable[[float], None]) -> tuple[OutputFile, ...]:
    """Write all rasters and maps into ``folder`` and list them."""
    files = _change(folder, result)
    report(0.4)
    for share, epoch in zip((0.7, 1.0), result.epochs, strict=True):
        files += _terrain(folder, epoch)
        report(share)
    return tuple(files)


def _change(folder: Path, result: Result) -> list[OutputFile]:
    change = result.change
    rasters = {"difference": (change, Text("Elevation change (m)", "標高差分 (m)"))}
    if result.error is not None:
        rasters |= {
            "level_of_detection": (
                level_of_detection(result.error),
                Text("Level of detection, 95 % (m)", "検出限界 95 % (m)"),
            ),
            "significance": (
                significance(change, result.error),
                Text("Change over its standard deviation", "標高差分/標準偏差"),
            ),
        }
    if result.alignment.stable is not None:
        rasters["stable"] = (result.alignment.stable, Text("Stable ground (1) for the alignment", "不動域 (1)"))
    for stem, (raster, title) in rasters.items():
        write_cog(folder / f"{stem}.tif", raster, descriptions=[title.en])
    outlines = [(f"{zone.name}  {volume['net_m3']:+,.0f} m³", zone.polygon) for zone, volume in result.zones]
    names = " → ".join(e.survey.files[0].path.stem for e in result.epochs)
    heading = f"標高差分図 Elevation change: {names}"
    change_map(folder / "difference.png", change, result.epochs[1].surfaces.terrain, outlines, heading)
    files = [OutputFile(f"{stem}.tif", COG, title) for stem, (_, title) in rasters.items()]
    return [*files, OutputFile("difference.png", "image/png", Text("Map of elevation change", "標高差分図"))]


def _terrain(folder: Path, epoch: Epoch) -> list[OutputFile]:
    name, terrain, ja = epoch.name, epoch.surfaces.terrain, WHEN[epoch.name]
    write_cog(folder / f"dtm_{name}.tif", terrain, descriptions=[f"terrain {name} (m)"])
    write_cog(folder / f"hillshade_{name}.tif", hillshade(terrain), descriptions=["hillshade (0-1)"])
    hillshade_map(folder / f"hillshade_{name}.png", terrain, f"陰影起伏図 Hillshade: {ja} {name}")
    return [
        OutputFile(f"dtm_{name}.tif", COG, Text(f"Terrain {name} (m)", f"{ja}の地盤標高 (m)")),
        OutputFile(f"hillshade_{name}.tif", COG, Text(f"Hillshade {name}", f"{ja}の陰影起伏")),
        OutputFile(f"hillshade_{name}.png", "image/png", Text(f"Hillshade map {name}", f"{ja}の陰影起伏図")),
    ]
