"""Trees as GeoPackage, a layer of tops and one of crowns, and back without loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import CRS

from pointcloud.errors import FileError
from pointcloud.forest.crowns import Crowns
from pointcloud.forest.inventory import COLUMNS, DTYPES, Trees, tree_ids
from pointcloud.io.staging import staged

FIELDS: Final = {
    "id": "id",
    "height": "height_m",
    "apex_loss": "apex_loss_m",
    "ground_z": "ground_m",
    "crown_area": "crown_m2",
    "crown_diameter": "crown_d_m",
    "crown_base": "base_m",
    "n_returns": "n_returns",
    "confidence": "confidence",
}
"""Columns of the list -> fields of the layers; lengths in metres, NaN as null."""


def write_trees(path: Path, trees: Trees, crowns: Crowns | None = None) -> None:
    """Write the layer ``trees`` (points) and, where crowns are given, ``crowns`` (polygons), in the trees' CRS.

    Both layers have the same ids and figures.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    with staged(path) as stage:
        _write_layer(stage, "trees", "Point", shapely.points(trees.x, trees.y), trees)
        if crowns is not None:
            shapes = np.empty(len(trees), dtype=object)
            shapes[np.searchsorted(trees.id, tree_ids(crowns.tops.x, crowns.tops.y))] = _polygons(crowns)
            _write_layer(stage, "crowns", "Polygon", shapes, trees)


def _write_layer(path: Path, layer: str, kind: str, shapes: NDArray[Any], trees: Trees) -> None:
    columns = [getattr(trees, name) for name in FIELDS]
    columns = [c.astype(np.int64) if c.dtype == np.uint64 else c for c in columns]  # ids are below 2**53
    pyogrio.raw.write(
        path, np.asarray(shapely.to_wkb(shapes), dtype=object), columns, list(FIELDS.values()), layer=layer,
        driver="GPKG", geometry_type=kind, crs=None if trees.crs is None else trees.crs.to_wkt(), append=path.exists(),
    )  # fmt: skip


def _polygons(crowns: Crowns) -> NDArray[Any]:
    """Outline of each crown along the edges of its cells, in the order of the labels."""
    from rasterio import Affine
    from rasterio.features import shapes

    outlines = np.empty(len(crowns.tops), dtype=object)
    transform = Affine(*crowns.grid.transform)
    for geometry, label in shapes(crowns.labels, crowns.labels > 0, connectivity=4, transform=transform):
        outer, *holes = geometry["coordinates"]
        outlines[int(label) - 1] = shapely.Polygon(outer, holes)
    return outlines


def read_trees(path: Path) -> Trees:
    """The trees of a GeoPackage that `write_trees` wrote, by ascending id.

    Raises
    ------
    FileError
        When the file is missing or not such a GeoPackage; the message says what is missing.
    InputError
        When ids come twice.
    """
    if not path.is_file():
        raise FileError(f"trees {path}: no such file", f"樹木一覧 {path} がありません。", file=str(path))
    try:
        meta, _, points, columns = pyogrio.raw.read(path, layer="trees")
    except (DataSourceError, DataLayerError) as error:
        raise _unreadable(path, str(error)) from error
    given = dict(zip(meta["fields"], columns, strict=True))
    missing = [field for field in FIELDS.values() if field not in given]
    if missing:
        raise _unreadable(path, f"no field {', '.join(missing)}")
    place = shapely.from_wkb(points)
    found = {"x": shapely.get_x(place), "y": shapely.get_y(place), **{n: given[field] for n, field in FIELDS.items()}}
    order = np.argsort(found["id"], kind="stable")
    made = {name: np.asarray(found[name])[order].astype(DTYPES[name]) for name in COLUMNS}
    return Trees(**made, crs=None if meta["crs"] is None else CRS.from_user_input(meta["crs"]))


def _unreadable(path: Path, reason: str) -> FileError:
    return FileError(
        f"trees {path.name}: {reason}; expected the trees.gpkg of tengun trees",
        f"{path.name} は tengun trees の trees.gpkg として読み込めません ({reason})。",
        file=path.name,
    )
