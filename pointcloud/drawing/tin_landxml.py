"""J-LandXML 1.7 (LandXML 1.2 profile): TIN surfaces.

Point text is "north east elevation", ids are positive integers, faces name their corners counter-clockwise as seen
from above.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from xml.sax.saxutils import quoteattr

import numpy as np
from pyproj import CRS

from pointcloud.cloud import VerticalDatum
from pointcloud.drawing.landxml import CRITERION, METRIC, NAMESPACE, coordinate_system
from pointcloud.ground.surface import Tin
from pointcloud.io.staging import staged

_BATCH: Final = 50_000
_POINT: Final = '          <P id="%d">%.4f %.4f %.4f</P>\n'
_FACE: Final = "          <F>%d %d %d</F>\n"


@dataclass(frozen=True, slots=True)
class NamedSurface:
    """A TIN in the survey's CRS, its name, and what a reader should know of it."""

    name: str
    tin: Tin
    remark: str = ""


def write_tin_landxml(
    path: Path,
    surfaces: Sequence[NamedSurface],
    crs: CRS,
    datum: VerticalDatum,
    created: datetime,
    project: str,
    version: str,
) -> None:
    """Write surfaces with tenths of millimetres, so that no triangle turns over.

    Parameters
    ----------
    path
        Where to write.
    surfaces
        In order.
    crs, datum, created, project, version
        As `landxml.write_landxml` takes them.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    with staged(path) as stage, stage.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(_head(crs, datum, created, project, version))
        for surface in surfaces:
            stream.writelines(_surface(surface))
        stream.write("  </Surfaces>\n</LandXML>\n")


def _head(crs: CRS, datum: VerticalDatum, created: datetime, project: str, version: str) -> str:
    when = f'date="{created:%Y-%m-%d}" time="{created:%H:%M:%S}"'
    return (
        f"<?xml version='1.0' encoding='utf-8'?>\n"
        f'<LandXML xmlns="{NAMESPACE}" version="1.2" {when}>\n'
        f'  <Project name={quoteattr(project)}>\n    <Feature>\n      <Property label="applicationCriterion" '
        f'value="{CRITERION}"/>\n    </Feature>\n  </Project>\n'
        f'  <Application name="tengun" version={quoteattr(version)}/>\n'
        f"  <CoordinateSystem {_attributes(coordinate_system(crs, datum))}/>\n"
        f"  <Units>\n    <Metric {_attributes(METRIC)}/>\n  </Units>\n"
        "  <Surfaces>\n"
    )


def _attributes(values: dict[str, str]) -> str:
    return " ".join(f"{name}={quoteattr(value)}" for name, value in values.items())


def _surface(surface: NamedSurface) -> Iterator[str]:
    tin = surface.tin
    yield f'    <Surface name={quoteattr(surface.name)} desc="ExistingGround">\n'
    yield '      <Definition surfType="TIN">\n        <Pnts>\n'
    yield from _points(tin)
    yield "        </Pnts>\n        <Faces>\n"
    yield from _faces(tin)
    yield "        </Faces>\n      </Definition>\n"
    if surface.remark:
        yield f'      <Feature>\n        <Property label="remark" value={quoteattr(surface.remark)}/>\n'
        yield "      </Feature>\n"
    yield "    </Surface>\n"


def _points(tin: Tin) -> Iterator[str]:
    table = np.column_stack((tin.y, tin.x, tin.z))
    for start in range(0, len(table), _BATCH):
        rows = table[start : start + _BATCH].tolist()
        yield (_POINT * len(rows)) % tuple(v for i, row in enumerate(rows, start + 1) for v in (i, *row))


def _faces(tin: Tin) -> Iterator[str]:
    faces = tin.triangles.astype(np.int64) + 1
    for start in range(0, len(faces), _BATCH):
        corners = faces[start : start + _BATCH].ravel().tolist()
        yield (_FACE * (len(corners) // 3)) % tuple(corners)
