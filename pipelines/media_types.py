"""Media types of files that several processes write."""

from __future__ import annotations

from typing import Final

COG: Final = "image/tiff; application=geotiff; profile=cloud-optimized"
GPKG: Final = "application/geopackage+sqlite3"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
