"""What a file says about itself, looked at before it is taken in; no point is read here."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath
from typing import Any, Final

from api.datasets.names import KINDS, Kind
from pointcloud.errors import CrsError, FileError, GeometryError
from pointcloud.io.shapefile_zip import holds_one

_ANY_PLANE: Final = "EPSG:6676"
"""Zones are checked in some plane; which one does not matter as long as it is metres."""
_MAX_NAMES: Final = 100


def inspect_file(path: Path, kind: Kind) -> tuple[Kind, dict[str, Any]]:
    """What a file turned out to hold, and JSON-ready facts of it.

    What a user should put right before a job stands under ``problems``. A drawing is kept as it is: whether it holds
    the line or surface that a job wants is the job's to say, in a process that may fail.

    Raises
    ------
    FileError
        When the file is broken or not what its name says.
    GeometryError
        When a zone (other than a stand) is not a valid polygon, a line not a line, or a file holds points alone.
    """
    if kind == "pointcloud":
        return kind, _pointcloud(path)
    if kind == "archive":
        return ("polygons", _polygons(path)) if _is_shapefile(path) else (kind, _archive(path))
    if kind in ("drawing", "heights", "raster"):
        return kind, {"problems": []}
    _refuse_disguise(path)
    if _holds_trees(path):
        return "points", _trees(path)
    geometry = _stated_geometry(path)
    if "LineString" in geometry:
        return "lines", _lines(path)
    if "Point" in geometry:
        raise GeometryError(
            f"upload of '{path.name}': it holds points; expected lines or polygons, or trees.gpkg of a tree inventory",
            f"'{path.name}' の図形は点です。線かポリゴン、または単木抽出の trees.gpkg を送ってください。",
            file=path.name,
        )
    return "polygons", _polygons(path)


def _is_shapefile(path: Path) -> bool:
    """Whether a zip is handed over for its Shapefile; beside a survey's tiles one is their index."""
    if not holds_one(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return not any(KINDS.get(PurePosixPath(name).suffix.lower()) == "pointcloud" for name in archive.namelist())


def _archive(path: Path) -> dict[str, Any]:
    from api.datasets.archive import contents, opened

    with opened(path) as archive:
        found = contents(archive, path)
    return {
        "n_files": len(found.members),
        "unpacked_size": found.size,
        "names": [member.path for member in found.members[:_MAX_NAMES]],
        "left_out": list(found.skipped[:_MAX_NAMES]),
        "problems": [],
    }


def _refuse_disguise(path: Path) -> None:
    """Refuse a vector file that begins as another format: GDAL goes by content, and some formats name other files."""
    with path.open("rb") as stream:
        start = stream.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()
    expected = b"SQLite format 3\0" if path.suffix.lower() == ".gpkg" else b"{"
    if not start.startswith(expected):
        raise FileError(
            f"upload of '{path.name}': its first bytes are not those of its format; send GeoJSON or GeoPackage",
            f"'{path.name}' の先頭が拡張子の形式と一致しません。GeoJSON か GeoPackage を送ってください。",
            file=path.name,
        )


def _stated_geometry(path: Path) -> str:
    """The geometry that a vector file states; what cannot be read is judged as polygons."""
    import pyogrio

    try:
        return str(pyogrio.read_info(path)["geometry_type"] or "")
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError):
        return ""


def _holds_trees(path: Path) -> bool:
    """Whether a file is a GeoPackage with a layer of trees; points of any other kind are of no use here."""
    import pyogrio

    try:
        return path.suffix.lower() == ".gpkg" and "trees" in pyogrio.list_layers(path)[:, 0]
    except pyogrio.errors.DataSourceError:
        return False


def _trees(path: Path) -> dict[str, Any]:
    from pointcloud.forest.tree_files import read_trees

    return {"n_trees": len(read_trees(path)), "problems": []}


def _lines(path: Path) -> dict[str, Any]:
    from pointcloud.crs import parse
    from pointcloud.sections.reading import read_lines

    try:
        lines = read_lines(path, parse(_ANY_PLANE))
    except CrsError as error:  # as for polygons
        return {"n_lines": None, "names": [], "problems": [{"code": error.code, "en": error.en, "ja": error.ja}]}
    return {"n_lines": len(lines), "names": [line.name for line in lines[:_MAX_NAMES]], "problems": []}


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
    except GeometryError as error:
        if not _are_stands(path):
            raise
        # a stand with a broken outline is listed by the job, the others are not lost for it
        return {"n_zones": None, "names": [], "problems": [{"code": error.code, "en": error.en, "ja": error.ja}]}
    return {"n_zones": len(zones), "names": [zone.name for zone in zones[:_MAX_NAMES]], "problems": []}


def _are_stands(path: Path) -> bool:
    """Whether polygons have the fields of stands."""
    from pointcloud.crs import parse
    from pointcloud.forest.stands_reading import names_species
    from pointcloud.io.vector import read_features

    features, _ = read_features(path, parse(_ANY_PLANE))
    return bool(features) and names_species(features[0].fields)
