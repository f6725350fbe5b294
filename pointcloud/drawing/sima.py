"""SIMA coordinate data (.sim): centre and ends of every section, and the centre line through the stations.

Records as survey instruments and CAD programs exchange them: A01 = point (number, name, X north, Y east, height),
D00/B01/D99 = a line through points. CP932, CRLF.
"""

from __future__ import annotations

import math
from pathlib import Path

from pointcloud.io.staging import staged
from pointcloud.sections.rounding import half_up
from pointcloud.sections.series import Series


def write_sima(path: Path, series: Series) -> None:
    """Write the points of the sections; heights are those of the last surface, empty in its gaps.

    Points of a section are named by its station, with L and R for its ends. Characters that CP932 lacks become ``?``.

    Raises
    ------
    ResourceError
        When the file cannot be written.
    """
    records = ["Z00, /* 座標データ */,", "Z01,1,", "A00,"]
    centres = []
    number = 0
    for section in series.sections:
        station, line = section.station, section.lines[series.names[-1]]
        for suffix, offset in (("", 0.0), ("L", -station.left), ("R", station.right)):
            if suffix and not offset:  # a section to one side only: the end is the centre
                continue
            number += 1
            name = _plain(station.name) + suffix
            east, north = station.place(offset)
            height = line.height(offset)
            z = "" if math.isnan(height) else str(half_up(height, 3))
            records.append(f"A01,{number},{name},{half_up(north, 3)},{half_up(east, 3)},{z},")
            if not suffix:
                centres.append((number, name))
    records += ["A99,", f"D00,1,{_plain(series.line.name)},1,"]
    records += [f"B01,{n},{name}," for n, name in centres]
    records += ["D99,", ""]
    with staged(path) as stage:
        stage.write_bytes("\r\n".join(records).encode("cp932", errors="replace"))


def _plain(name: str) -> str:
    """A name without the characters that separate fields."""
    return name.replace(",", " ").replace("\n", " ").strip()
