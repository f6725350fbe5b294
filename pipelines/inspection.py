"""What a file holds, in JSON-ready form: for ``tengun info`` and the dataset list."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pipelines.evidence import crs_name
from pointcloud import crs as reference
from pointcloud.bounds import Bounds
from pointcloud.errors import InputError
from pointcloud.io import las

_METRES: Final = ("metre", "unknown")
"""What counts as metres: nobody but the user can tell the unit of a file that states none."""


def describe(path: Path, crs: str | None = None) -> dict[str, Any]:
    """Header facts, the CRS or its candidates, and what is wrong, without reading the points.

    ``bounds`` are in ``unit`` and ``z_range`` in ``z_unit``, as the header states them; ``z_range_m`` and
    ``density_per_m2`` are None where that is another unit than the metre.

    Parameters
    ----------
    path
        LAS, LAZ or COPC.
    crs
        What the user says the CRS is.

    Raises
    ------
    FileError
        When the file cannot be read at all; everything less is listed under ``problems``.
    """
    info = las.inspect(path)
    problems = [note.as_dict() for note in info.problems]
    unit, z_unit = ("unknown", "unknown") if info.stated_crs is None else reference.units(info.stated_crs)
    z_range = [info.z_min, info.z_max]
    record: dict[str, Any] = {
        "file": path.name,
        "version": info.version,
        "point_format": info.point_format,
        "n_points": info.n_points,
        "bounds": list(info.bounds.as_tuple()) if info.bounds else None,
        "unit": unit,
        "z_range": z_range,
        "z_unit": z_unit,
        "z_range_m": z_range if z_unit in _METRES else None,
        "density_per_m2": info.density if unit in _METRES else None,
        "compressed": info.is_compressed,
        "copc": info.is_copc,
        "dimensions": list(info.dimensions),
        "extra_dimensions": list(info.extra_dimensions),
        "created": info.creation_date.isoformat() if info.creation_date else None,
        "software": info.software,
        "crs": None,
        "crs_source": None,
        "crs_candidates": [],
        "vertical_datum": str(info.vertical_datum),
    }
    try:
        resolved = reference.resolve(info.stated_crs, path.name, info.bounds or Bounds(0, 0, 0, 0), crs)
    except InputError as error:
        problems.append({"code": error.code, "en": error.en, "ja": error.ja})
        record["crs_candidates"] = error.details.get("candidates", [])
    else:
        record |= {"crs": crs_name(resolved.crs), "crs_source": resolved.source}
        problems += [note.as_dict() for note in resolved.notes]
    return {**record, "problems": problems}
