"""Files of the synthetic valley, as the prefecture publishes surveys: LAS 1.2 format 3 without a CRS in the header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipelines.workspace import staged_folder
from pointcloud import sheets, synthetic
from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.io import las
from pointcloud.synthetic import Epoch, Scene, valley

_ZONE = 8
_SCALES = (0.01, 0.01, 0.01)
_EDGE = 0.005
"""Half the step of the coordinates: shifts the half-open edge of a tile so that its north edge belongs to it."""


def write_epoch(scene: Scene, epoch: Epoch, folder: Path, *, tiles: bool = False, seed: int = 0) -> list[Path]:
    """Paths of the files of one survey, in one file or in one for each map sheet (図郭) of level 500.

    Parameters
    ----------
    scene
        The valley.
    epoch
        ``before`` or ``after`` the slide.
    folder
        Where the files go; made if absent.
    tiles
        False: ``valley_before.laz`` or ``valley_after.laz``. True: the sheets' codes as names, so that the CRS
        follows from them; the tiles hold exactly the points of the one file, and memory that of one tile.
    seed
        Another seed is another flight.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = _sheets(scene.bounds) if tiles else [(f"valley_{epoch}", None)]
    paths = []
    for name, bounds in parts:
        cloud = scene.survey(epoch, seed=seed, bounds=bounds).cloud
        bare = PointCloud(cloud.x, cloud.y, cloud.z, cloud.attributes)
        paths.append(folder / f"{name}.laz")
        las.write(paths[-1], bare, version="1.2", point_format=3, scales=_SCALES)
    return paths


def _sheets(bounds: Bounds) -> Iterator[tuple[str, Bounds | None]]:
    """Code and extent of each level-500 sheet that shares area with ``bounds``, from the north-west."""
    y = bounds.y_max
    while y > bounds.y_min:
        x = bounds.x_min
        while x < bounds.x_max:
            sheet = sheets.at(_ZONE, x, y)
            west, south, east, north = sheet.bounds.as_tuple()
            yield sheet.code, Bounds(west, south + _EDGE, east, north + _EDGE)
            x = east
        y = south


def demo_pair(folder: Path) -> tuple[Path, Path, Path, Mapping[str, float]]:
    """Survey before, survey after, zones (GeoJSON), and the true net volume in m3 of each zone of the demo's valley.

    The files are made once; they are made again when the code that makes them has changed.
    """
    names = ("valley_before.laz", "valley_after.laz", "valley_zones.geojson", "valley_truth.json")
    before, after, zones, truth_file = (folder / name for name in names)
    scene = valley()
    nets = {zone.name: zone.net_m3 for zone in scene.truth.zones}
    truth = {"made_by": _fingerprint(), "crs": "EPSG:6676", "net_m3": nets}
    is_there = all(path.is_file() for path in (before, after, zones, truth_file))
    if not (is_there and truth_file.read_text(encoding="utf-8") == json.dumps(truth)):
        with staged_folder(folder) as stage:
            for epoch in ("before", "after"):
                write_epoch(scene, epoch, stage)
            (stage / zones.name).write_text(json.dumps(scene.truth.zones_geojson()), encoding="utf-8")
            (stage / truth_file.name).write_text(json.dumps(truth), encoding="utf-8")
    return before, after, zones, nets


def _fingerprint() -> str:
    """Digest of the code that makes the valley."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(Path(synthetic.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
