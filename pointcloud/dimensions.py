"""Names and types of point attributes: PDAL's spelling, one registry.

Source: PDAL dimension list (pdal.io, "Dimensions") and ASPRS LAS 1.4 R15.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np


class ClassCode(IntEnum):
    """ASPRS classification codes that tengun writes or reads by name (LAS 1.4 R15, table 17)."""

    NEVER_CLASSIFIED = 0
    UNCLASSIFIED = 1
    GROUND = 2
    LOW_VEGETATION = 3
    MEDIUM_VEGETATION = 4
    HIGH_VEGETATION = 5
    BUILDING = 6
    LOW_NOISE = 7
    WATER = 9
    WIRE = 14
    BRIDGE_DECK = 17
    HIGH_NOISE = 18


LASPY_TO_PDAL: Final[dict[str, str]] = {
    "intensity": "Intensity",
    "return_number": "ReturnNumber",
    "number_of_returns": "NumberOfReturns",
    "scan_direction_flag": "ScanDirectionFlag",
    "edge_of_flight_line": "EdgeOfFlightLine",
    "classification": "Classification",
    "synthetic": "Synthetic",
    "key_point": "KeyPoint",
    "withheld": "Withheld",
    "overlap": "Overlap",
    "scan_angle_rank": "ScanAngleRank",
    "scan_angle": "ScanAngle",
    "scanner_channel": "ScanChannel",
    "user_data": "UserData",
    "point_source_id": "PointSourceId",
    "gps_time": "GpsTime",
    "red": "Red",
    "green": "Green",
    "blue": "Blue",
    "nir": "Infrared",
}
"""laspy's name of a standard attribute -> PDAL's. Extra bytes keep the name that the file gives."""

DTYPES: Final[dict[str, type[np.generic]]] = {
    "Intensity": np.uint16,
    "ReturnNumber": np.uint8,
    "NumberOfReturns": np.uint8,
    "Classification": np.uint8,
    "PointSourceId": np.uint16,
    "GpsTime": np.float64,
}
"""Type of the attributes that tengun itself creates."""
