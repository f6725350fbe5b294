"""What a file says about itself, looked at before it is taken in; no point is read here."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from api.datasets.names import Kind
from pointcloud.errors import CrsError

_ANY_PLANE: Final = "EPSG:6676"
"""Zones are checked in some plane; which one does not matter as long as it is metres."""
_MAX_NAMES: Final = 100


def inspect_file(path: Path, kind: Kind) -> dict[str, Any]:
    """JSON-ready facts of a file; what a user should put right before a job stands under ``problems``.

    Raises
    ------
    FileError
        When the file is broken or not what its name says.
    GeometryError
        When a zone is not a valid polygon.
    """
    return _pointcloud(path) if kind == "pointcloud" else _polygons(path)


def _pointcloud(path: Path) -> dict[str, Any]:
    from pipelines.inspection import describe

    return describe(path)


def _polygons(path: Path) -> dict[str, Any]:
    from pointcloud.crs import parse
    from pointcloud.io.vector import read_zones

    try:
        zones = read_zones(path, parse(_ANY_PLANE))
    except CrsError as error:  # the way to the survey's own CRS may be known; the job will tell
        return {"n_zones": None, "names": [], "problems": [{"code": error.code, "en": error.en, "ja": error.ja}]}
    return {"n_zones": len(zones), "names": [zone.name for zone in zones[:_MAX_NAMES]], "problems": []}
