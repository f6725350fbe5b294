"""Rasters and maps of ``volume-change``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipelines.media_types import COG
from pipelines.process import OutputFile
from pipelines.processes.volume_result import Epoch, Result
from pipelines.progress import Text
from pointcloud.change.uncertainty import level_of_detection, significance
from pointcloud.drawing.picture import Outline, change_map, hillshade_map, share_map, value_map
from pointcloud.drawing.volume_charts import chainage_diagram
from pointcloud.drawing.volume_words import Picture, printed_volumes
from pointcloud.grid import Raster
from pointcloud.ground.relief import hillshade
from pointcloud.io.raster import write_cog

WHEN = {"before": "変化前", "after": "変化後"}
SIGNIFICANT = 5.0
"""Standard deviations at which the map of significance is saturated."""


Layers = Mapping[str, tuple[Raster, Text]]
"""Rasters with their titles, by the stem of their file."""


def layers_of(result: Result) -> Layers:
    """Difference, sigma, significance, confidence, level of detection, stable ground, terrains, hillshades.

    NaN where void; sigma, significance and level of detection only where there is an error model, stable ground only
    where an alignment looked for it.
    """
    change, error = result.compared.change, result.compared.error
    rasters = {"difference": (change, Text("Elevation change (m)", "標高差分 (m)"))}
    if error is not None:
        sigma, limit = error.sigma.raster, level_of_detection(error)
        rasters |= {
            "sigma": (sigma, Text("Standard deviation of the change (m)", "標高差分の標準偏差 (m)")),
            "level_of_detection": (limit, Text("Level of detection, 95 % (m)", "検出限界 95 % (m)")),
            "significance": (
                significance(change, error), Text("Change over its standard deviation", "標高差分/標準偏差"),
            ),
        }  # fmt: skip
    rasters["confidence"] = (
        _confidence(result),
        Text("Confidence of the ground, lower of both (0-1)", "地盤の信頼度 前後の低い方 (0-1)"),
    )
    if result.alignment.stable is not None:
        rasters["stable"] = (result.alignment.stable, Text("Stable ground (1) for the alignment", "不動域 (1)"))
    for epoch in result.epochs:
        rasters |= _terrain(epoch)
    return rasters


def write_rasters(folder: Path, layers: Layers) -> list[OutputFile]:
    """Write every layer as a GeoTIFF."""
    for stem, (raster, title) in layers.items():
        write_cog(folder / f"{stem}.tif", raster, descriptions=[title.en])
    return [OutputFile(f"{stem}.tif", COG, title) for stem, (_, title) in layers.items()]


def _confidence(result: Result) -> Raster:
    """Lower confidence of both epochs' ground, 0-1; NaN where either is void."""
    one, other = (epoch.surfaces.confidence.values for epoch in result.epochs)
    change = result.compared.change
    return Raster(np.where(np.isfinite(change.values), np.minimum(one, other), np.nan), change.grid)


def _terrain(epoch: Epoch) -> dict[str, tuple[Raster, Text]]:
    name, terrain, ja = epoch.name, epoch.surfaces.terrain, WHEN[epoch.name]
    return {
        f"dtm_{name}": (terrain, Text(f"Terrain {name} (m)", f"{ja}の地盤標高 (m)")),
        f"hillshade_{name}": (hillshade(terrain), Text(f"Hillshade {name}", f"{ja}の陰影起伏")),
    }


def write_maps(folder: Path, result: Result, layers: Layers) -> list[Picture]:
    """Write maps of the layers and the chainage diagram; what the report shows, in its order."""
    names = " → ".join(e.survey.files[0].path.stem for e in result.epochs)
    light = layers["hillshade_after"][0]
    zones = [(f"{z.name}  {printed_volumes(v)['net']} m³", z.polygon) for z, v in result.compared.zones]
    heading = f"標高差分図 Elevation change: {names}"
    change_map(folder / "difference.png", result.compared.change, light, zones, heading)
    pictures = [Picture("difference.png", "Elevation change, cut red, fill blue", "標高差分 (切土 赤、盛土 青)")]
    pictures += _value_maps(folder, result, layers)
    for epoch in result.epochs:
        file, ja = f"hillshade_{epoch.name}.png", WHEN[epoch.name]
        hillshade_map(folder / file, layers[f"hillshade_{epoch.name}"][0], f"陰影起伏図 Hillshade: {ja} {epoch.name}")
        pictures.append(Picture(file, f"Hillshade {epoch.name}", f"陰影起伏 ({ja})"))
    if result.alignment.stable is not None:
        words = "位置合わせに用いた不動域 used to align", "用いなかった区域 not used"
        share_map(folder / "stable.png", result.alignment.stable, light, "不動域 Stable ground", words)
        pictures.append(Picture("stable.png", "Stable ground of the alignment", "位置合わせに用いた不動域"))
    reaches = result.material.reaches
    if reaches:
        rows = [(r.from_m, r.to_m, r.cut_m3, r.fill_m3, r.carried_m3) for r in reaches]
        chainage_diagram(folder / "chainage.png", rows, f"追加距離図 Chainage diagram: {names}")
        pictures.append(Picture("chainage.png", "Balance along the stream", "流路に沿った土砂収支"))
    return pictures


def _value_maps(folder: Path, result: Result, layers: Layers) -> list[Picture]:
    light = layers["hillshade_after"][0]
    patches: list[Outline] = [(name, patch.polygon) for name, patch in result.material.patches]
    pictures = []
    if "significance" in layers:
        value_map(
            folder / "significance.png", layers["significance"][0], light, patches,
            "有意性 Significance", "標高差分 / 標準偏差  change over its standard deviation", "RdBu",
            (-SIGNIFICANT, SIGNIFICANT),
        )  # fmt: skip
        text = "Change over its standard deviation, with the patches of certain change"
        pictures.append(Picture("significance.png", text, "標高差分/標準偏差と変化箇所"))
    value_map(
        folder / "confidence.png", layers["confidence"][0], light, [], "地盤の信頼度 Confidence of the ground",
        "前後の低い方 lower of both (0-1)", "viridis", (0.0, 1.0),
    )  # fmt: skip
    pictures.append(Picture("confidence.png", "Confidence of the ground, lower of both", "地盤の信頼度 (前後の低い方)"))
    return pictures
