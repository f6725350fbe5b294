"""The points of the benchmark's strip alone, read by another program: a measure that `pipelines.bench.sections` prints.

LAZ is read and cut to the strip by PDAL, COPC by laspy, whose reader decodes the nodes that a rectangle touches.
Neither makes a surface, a section or a drawing.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import laspy
import numpy as np
import shapely

from pipelines import pdal
from pipelines.bench.pipeline import timed


@dataclass(frozen=True, slots=True)
class Peer:
    """Seconds of the clock and of the processors of a program, starting it left out where it is Python."""

    name: str
    seconds: float
    cpu_seconds: float


def strip(line: Path, reach: float) -> shapely.Polygon:
    """The land within ``reach`` metres of the line of a GeoJSON file."""
    vertices = json.loads(line.read_text(encoding="utf-8"))["coordinates"]
    shape: shapely.Polygon = shapely.buffer(shapely.LineString(vertices), reach)
    return shape


def by_pdal(tiles: list[Path], shape: shapely.Polygon, folder: Path) -> Peer | None:
    """PDAL on the tiles that the strip meets, its polygon cut out; None where there is no PDAL."""
    program = pdal.find()
    if program is None:
        return None
    stages: list[dict[str, Any]] = [{"type": "readers.las", "filename": str(t)} for t in tiles if _meets(t, shape)]
    stages += [{"type": "filters.merge"}, {"type": "filters.crop", "polygon": shape.wkt}, {"type": "writers.null"}]
    path = folder / "peer.json"
    path.write_text(json.dumps(stages), encoding="utf-8")
    seconds, cpu, _ = timed([str(program.path), "pipeline", str(path)])
    return Peer(f"PDAL {program.version_text}", seconds, cpu)


def by_laspy(tiles: list[Path], shape: shapely.Polygon) -> Peer:
    """The COPC reader of laspy on the same tiles, the strip's rectangle asked for; in this process."""
    low, high = np.array(shape.bounds[:2]), np.array(shape.bounds[2:])
    begin, cpu = time.perf_counter(), time.process_time()
    for tile in tiles:
        if _meets(tile, shape):
            with laspy.CopcReader.open(tile) as reader:
                reader.query(laspy.Bounds(low, high))
    return Peer(f"laspy {laspy.__version__}", time.perf_counter() - begin, time.process_time() - cpu)


def _meets(tile: Path, shape: shapely.Polygon) -> bool:
    with laspy.open(tile) as file:
        low, high = file.header.mins, file.header.maxs
    return bool(shape.intersects(shapely.box(*low[:2], *high[:2])))


if __name__ == "__main__":
    place, along, beside = sys.argv[1:]
    found = by_laspy(sorted(Path(place).glob("*.laz")), strip(Path(along), float(beside)))
    sys.stdout.write(json.dumps(asdict(found)) + "\n")
