"""Design surfaces in: TINs of J-LandXML files, faces of DXF drawings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pointcloud.errors import FileError, GeometryError
from pointcloud.sections import dxf, landxml
from pointcloud.sections.cut import Surface, design_surface


def read_design(path: Path) -> Surface:
    """The design surface of a LandXML (.xml) or DXF (.dxf) file, in its own coordinates, easting first.

    Of a LandXML file's surfaces exactly one may have triangles; the faces of a drawing are taken together.

    Raises
    ------
    FileError
        When the file is of another kind or cannot be read.
    GeometryError
        When there is no triangle in it, or several surfaces to choose from.
    """
    suffix = path.suffix.lower()
    if suffix not in (".xml", ".dxf") or not path.is_file():
        raise FileError(
            f"design {path}: expected an existing .xml (LandXML) or .dxf file",
            f"設計面 {path}: .xml (LandXML) または .dxf のファイルを指定してください。",
            file=str(path),
        )
    if suffix == ".dxf":
        corners = dxf.read_faces(path)
    else:
        surfaces = {n: c for n, c in landxml.read_surfaces(path).items() if len(c)}
        if len(surfaces) > 1:
            raise GeometryError(
                f"design {path.name}: {len(surfaces)} surfaces ({', '.join(surfaces)}); keep one in the file",
                f"設計面 {path.name} に面が {len(surfaces)} 個あります ({', '.join(surfaces)})。1 個にしてください。",
                file=path.name,
                candidates=list(surfaces),
            )
        corners = next(iter(surfaces.values()), np.empty((0, 3, 3)))
    if len(corners) == 0:
        raise GeometryError(
            f"design {path.name}: no triangle in it; expected a TIN (LandXML Surface, DXF 3DFACE or mesh)",
            f"設計面 {path.name} に三角形がありません。TIN (LandXML の Surface、DXF の 3DFACE・メッシュ) が必要です。",
            file=path.name,
        )
    return design_surface(corners)
