"""What a result was made from: files with hashes, reference systems, software. So that it can be made again."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyproj import CRS

if TYPE_CHECKING:
    from pointcloud.io.survey import Survey


def software() -> dict[str, str]:
    """Name and version of what computed the result, and of the libraries that its numbers depend on."""
    libraries = ("numpy", "scipy", "numba", "pythoncdt", "open3d-cpu", "open3d", "laspy", "pyproj")
    found = {name: _version(name) for name in libraries}
    return {"name": "tengun", "version": version("tengun"), **{name: v for name, v in found.items() if v}}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; read again only where the file has changed since."""
    status = path.stat()
    return _sha256(path, status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=10_000)
def _sha256(path: Path, *_: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def crs_name(crs: CRS) -> str:
    """``EPSG:6676`` where the CRS has a code, else its name."""
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else str(crs.name)


def survey_record(survey: Survey) -> dict[str, Any]:
    """Files, hashes, extent and reference system of a survey, JSON-ready."""
    return {
        "files": [
            {"name": info.path.name, "sha256": sha256(info.path), "n_points": info.n_points} for info in survey.files
        ],
        "n_points": survey.n_points,
        "bounds": list(survey.bounds.as_tuple()),
        "crs": crs_name(survey.crs),
        "crs_source": survey.crs_source,
        "vertical_datum": str(survey.vertical_datum),
        "notes": [note.as_dict() for note in survey.notes],
    }
