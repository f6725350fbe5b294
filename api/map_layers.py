"""Rasters of a job's results as map layers: where they lie, their colours, tiles, values at a point.

Only files that a job made itself are ever opened; no address comes from a client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final, Literal

import numpy as np

Ramp = Literal["rdbu", "gray", "gist_earth", "viridis", "ylgn"]

_RAMPS: Final[Mapping[str, Ramp]] = {
    "difference": "rdbu",  # cut red, fill blue, as on the printed maps
    "significance": "rdbu",
    "hillshade": "gray",
    "hillshade_before": "gray",
    "hillshade_after": "gray",
    "dtm": "gist_earth",
    "dsm": "gist_earth",
    "dtm_before": "gist_earth",
    "dtm_after": "gist_earth",
    "chm": "ylgn",
}
_N_COLOURS: Final = 11
_PREVIEW_PX: Final = 256
_USUAL_SHARE: Final = (2.0, 98.0)
"""Percentiles between which the colours of a layer are spread at first."""
TILE_PX: Final = 256


@dataclass(frozen=True, slots=True)
class Style:
    """How a raster becomes a picture.

    Parameters
    ----------
    ramp
        Name of the colours.
    low, high
        Values at the ends of the ramp; what lies beyond has the end's colour.
    least
        Values nearer to zero than this are not drawn.
    """

    ramp: Ramp
    low: float
    high: float
    least: float = 0.0


def describe_layer(path: Path) -> dict[str, Any]:
    """Bounds in degrees (west, south, east, north), CRS, ramp with its colours, and a sensible range of values."""
    from rio_tiler.io import Reader

    ramp = _RAMPS.get(PurePath(path).stem, "viridis")
    with Reader(str(path)) as raster:
        values = raster.preview(max_size=_PREVIEW_PX).array.compressed()
        bounds = raster.get_geographic_bounds("EPSG:4326")
        epsg = raster.crs.to_epsg() if raster.crs else None
    low, high = _range(values[np.isfinite(values)], ramp)
    colours = _colours(ramp)
    return {"bounds": bounds, "epsg": epsg, "ramp": ramp, "colours": colours, "low": low, "high": high}


def draw_tile(path: Path, x: int, y: int, z: int, style: Style) -> bytes | None:
    """A PNG of a web mercator tile, ``TILE_PX`` wide, transparent where there is no value; None beside the raster."""
    from rio_tiler.colormap import cmap
    from rio_tiler.errors import TileOutsideBounds
    from rio_tiler.io import Reader

    resampling: Any = "bilinear" if style.ramp == "gray" else "nearest"  # a cell of figures is shown as it is
    with Reader(str(path)) as raster:
        try:
            image = raster.tile(x, y, z, tilesize=TILE_PX, resampling_method=resampling, reproject_method=resampling)
        except TileOutsideBounds:
            return None
    image.array.mask |= ~np.isfinite(image.array.data)
    if style.least > 0:
        image.array.mask |= np.abs(image.array.data) < style.least
    image.array = np.ma.array(np.nan_to_num(image.array.data), mask=image.array.mask)
    image.rescale(in_range=((style.low, style.high),))
    return bytes(image.render(img_format="PNG", colormap=cmap.get(style.ramp)))


def value_at(path: Path, lon: float, lat: float) -> float | None:
    """The raster's value at a place in degrees; None where it has none."""
    from rio_tiler.errors import PointOutsideBounds
    from rio_tiler.io import Reader

    with Reader(str(path)) as raster:
        try:
            found = raster.point(lon, lat).array[0]
        except PointOutsideBounds:
            return None
    return None if np.ma.is_masked(found) or not np.isfinite(found) else float(found)


def _range(values: np.ndarray[Any, np.dtype[Any]], ramp: Ramp) -> tuple[float, float]:
    if values.size == 0:
        return 0.0, 1.0
    if ramp == "gray":
        return 0.0, 1.0
    if ramp == "rdbu":
        end = float(np.percentile(np.abs(values), _USUAL_SHARE[1])) or 1.0
        return -end, end
    low, high = (float(value) for value in np.percentile(values, _USUAL_SHARE))
    return (low, high) if high > low else (low, low + 1.0)


def _colours(ramp: Ramp) -> list[str]:
    from rio_tiler.colormap import cmap

    table: Any = cmap.get(ramp)
    places = np.linspace(0, 255, _N_COLOURS).round().astype(int)
    return ["#{:02x}{:02x}{:02x}".format(*table[int(place)][:3]) for place in places]
