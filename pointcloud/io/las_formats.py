"""The point record formats of LAS: columns of a record, and which dimension lies in which bits of them.

References
----------
ASPRS LAS Specification 1.4 R15 (2019), section 2.6, tables 7 to 18.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

Columns = tuple[tuple[str, str], ...]

_POSITION: Final[Columns] = (("X", "<i4"), ("Y", "<i4"), ("Z", "<i4"), ("Intensity", "<u2"), ("bits", "u1"))
_OLD: Final[Columns] = (
    *_POSITION, ("class_bits", "u1"), ("ScanAngleRank", "i1"), ("UserData", "u1"), ("PointSourceId", "<u2"),
)  # fmt: skip
_NEW: Final[Columns] = (
    *_POSITION, ("flag_bits", "u1"), ("Classification", "u1"), ("UserData", "u1"), ("ScanAngle", "<i2"),
    ("PointSourceId", "<u2"), ("GpsTime", "<f8"),
)  # fmt: skip
_TIME: Final[Columns] = (("GpsTime", "<f8"),)
_COLOURS: Final[Columns] = (("Red", "<u2"), ("Green", "<u2"), ("Blue", "<u2"))
_INFRARED: Final[Columns] = (("Infrared", "<u2"),)
_WAVE: Final[Columns] = (
    ("wave_index", "u1"), ("wave_offset", "<u8"), ("wave_size", "<u4"), ("wave_location", "<f4"),
    ("wave_x", "<f4"), ("wave_y", "<f4"), ("wave_z", "<f4"),
)  # fmt: skip

_FORMATS: Final[tuple[Columns, ...]] = (
    _OLD, _OLD + _TIME, _OLD + _COLOURS, _OLD + _TIME + _COLOURS, _OLD + _TIME + _WAVE, _OLD + _TIME + _COLOURS + _WAVE,
    _NEW, _NEW + _COLOURS, _NEW + _COLOURS + _INFRARED, _NEW + _WAVE, _NEW + _COLOURS + _INFRARED + _WAVE,
)  # fmt: skip

RECORDS: Final[Mapping[int, np.dtype[np.void]]] = MappingProxyType(
    {number: np.dtype(list(columns)) for number, columns in enumerate(_FORMATS)}
)
"""Point format -> its record without extra bytes; columns that are a dimension have PDAL's name."""

POINT_SIZES: Final[Mapping[int, int]] = MappingProxyType({number: kind.itemsize for number, kind in RECORDS.items()})
"""Point format -> size of its record without extra bytes."""

OLD_BITS: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType(
    {
        "bits": {"ReturnNumber": 0x07, "NumberOfReturns": 0x38, "ScanDirectionFlag": 0x40, "EdgeOfFlightLine": 0x80},
        "class_bits": {"Classification": 0x1F, "Synthetic": 0x20, "KeyPoint": 0x40, "Withheld": 0x80},
    }
)
"""Formats 0-5: column -> dimension -> its bits there."""

NEW_BITS: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType(
    {
        "bits": {"ReturnNumber": 0x0F, "NumberOfReturns": 0xF0},
        "flag_bits": {
            "Synthetic": 0x01, "KeyPoint": 0x02, "Withheld": 0x04, "Overlap": 0x08, "ScanChannel": 0x30,
            "ScanDirectionFlag": 0x40, "EdgeOfFlightLine": 0x80,
        },
    }
)  # fmt: skip
"""Formats 6-10: column -> dimension -> its bits there."""
