"""What a map shows of the service: footprints of datasets; a job's rasters as tiles, values, profiles; its outlines."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from fastapi import Path as InPath

from api.access.gate import TheVisitor
from api.backgrounds import BACKGROUNDS, Background
from api.datasets.store import list_datasets
from api.map_features import Box, footprints, geopackage_features
from api.map_files import TIFF, files_of, no_raster
from api.map_layers import Ramp, Style, describe_layer, draw_tile, value_at
from api.profiles import Cuts, Profile, chosen_rasters, profile, read_vertices
from api.service import TheService
from pipelines.media_types import GPKG
from pointcloud.errors import ParameterError

router = APIRouter(tags=["maps"])

_MAX_FOOTPRINTS: Final = 10_000
_MAX_ZOOM: Final = 24
_KEEP: Final = {"Cache-Control": "private, max-age=86400"}  # a result never changes
_LONGEST_LINE: Final = 60_000  # characters: 1,000 vertices to the millimetre
_WIDEST_M: Final = 5000.0

Layer = Annotated[str, Query(max_length=500, description="Path of a raster among the job's results.")]
Place = Annotated[int, InPath(ge=0, lt=2**_MAX_ZOOM)]
Value = Annotated[float, Query(allow_inf_nan=False, description="Value at an end of the ramp.")]
Width = Annotated[float, Query(ge=0, le=_WIDEST_M, description="Metres to that side of the line.")]


@router.get("/backgrounds")
def show_backgrounds(service: TheService) -> list[Background]:
    """Background maps that the administrator allows; none by default. The service itself never asks their server."""
    return list(BACKGROUNDS[service.settings.background])


@router.get("/footprints")
def show_footprints(service: TheService, visitor: TheVisitor) -> dict[str, Any]:
    """Rectangles of the point clouds whose CRS is known, as GeoJSON in degrees."""
    with service.database.reading() as session:
        return footprints(list_datasets(session, _MAX_FOOTPRINTS, 0, visitor.seen_projects(None)))


@router.get("/jobs/{job_id}/layers")
def show_layers(job_id: str, service: TheService, visitor: TheVisitor) -> dict[str, Any]:
    """The rasters of a job: bounds in degrees, colours, usual range of values."""
    found = files_of(service, job_id, visitor, TIFF)
    layers = [
        {"path": one.path, "title": one.title_en, "title_ja": one.title_ja, **describe_layer(path)}
        for one, path in found
    ]
    return {"layers": layers}


@router.get("/jobs/{job_id}/tiles/{z}/{x}/{y}.png", response_class=Response)
def show_tile(
    job_id: str,
    z: Annotated[int, InPath(ge=0, le=_MAX_ZOOM)],
    x: Place,
    y: Place,
    service: TheService,
    visitor: TheVisitor,
    layer: Layer = "",
    ramp: Ramp = "viridis",
    low: Value = 0.0,
    high: Value = 1.0,
    least: Annotated[float, Query(ge=0, allow_inf_nan=False, description="Nearer to zero: not drawn.")] = 0.0,
) -> Response:
    """A web mercator tile of a raster; 204 where the raster has nothing."""
    if high <= low:
        raise ParameterError(
            f"tile: low {low} is not below high {high}",
            f"タイル: low ({low}) は high ({high}) より小さくしてください。",
            field="low",
        )
    if x >= 2**z or y >= 2**z:
        return Response(status_code=204, headers=_KEEP)
    path = next((path for one, path in files_of(service, job_id, visitor, TIFF) if one.path == layer), None)
    if path is None:
        raise no_raster(job_id, layer)
    picture = draw_tile(path, x, y, z, Style(ramp, low, high, least))
    if picture is None:
        return Response(status_code=204, headers=_KEEP)
    return Response(picture, media_type="image/png", headers=_KEEP)


@router.get("/jobs/{job_id}/values/{lon}/{lat}")
def show_values(
    job_id: str,
    lon: Annotated[float, InPath(ge=-180, le=180)],
    lat: Annotated[float, InPath(ge=-85, le=85)],
    service: TheService,
    visitor: TheVisitor,
) -> dict[str, Any]:
    """The value of every raster of a job at a place; null where a raster has none."""
    found = files_of(service, job_id, visitor, TIFF)
    return {"lon": lon, "lat": lat, "values": {one.path: value_at(path, lon, lat) for one, path in found}}


@router.get("/jobs/{job_id}/features")
def show_features(
    job_id: str,
    service: TheService,
    visitor: TheVisitor,
    layer: Annotated[str | None, Query(max_length=100, description="This layer alone, such as stands.")] = None,
    bbox: Annotated[str | None, Query(max_length=200, description="West,south,east,north in degrees.")] = None,
) -> dict[str, Any]:
    """Zones, patches, trees and whatever a job wrote into GeoPackages, as GeoJSON in degrees."""
    files = files_of(service, job_id, visitor, GPKG)
    collections = [geopackage_features(path, layer, _box(bbox)) for _, path in files]
    features = [feature for one in collections for feature in one["features"]]
    return {"type": "FeatureCollection", "features": features, "left_out": sum(one["left_out"] for one in collections)}


@router.get("/jobs/{job_id}/profile")
def show_profile(
    job_id: str,
    service: TheService,
    visitor: TheVisitor,
    line: Annotated[
        str,
        Query(
            max_length=_LONGEST_LINE,
            description="Vertices as easting,northing;easting,northing ... in metres of the rasters' reference system.",
            examples=["52060,-98330;52160,-98280"],
        ),
    ] = "",
    crs: Annotated[
        str | None, Query(max_length=60, description="Of the vertices where it is another, e.g. EPSG:4326 (lon,lat).")
    ] = None,
    layer: Annotated[
        list[str],
        Query(max_length=40, description="Paths of rasters among the job's results; by default every terrain (dtm*)."),
    ] = [],  # noqa: B006 (FastAPI copies it)
    interval: Annotated[
        float | None, Query(gt=0, le=10_000, description="Metres between stations; without it there are none.")
    ] = None,
    left: Width = 25.0,
    right: Width = 25.0,
) -> Profile:
    """Heights along a line at each raster's own resolution, gaps as null; stations where sections would be cut."""
    rasters, missing = chosen_rasters(files_of(service, job_id, visitor, TIFF), layer)
    if missing:
        raise no_raster(job_id, missing[0])
    vertices = read_vertices(line)
    return profile(rasters, vertices, crs, None if interval is None else Cuts(interval, left, right))


def _box(text: str | None) -> Box | None:
    """The rectangle of a query, None for none."""
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
        is_box = -180 <= west < east <= 180 and -85 <= south < north <= 85
    except ValueError:
        is_box = False
    if not is_box:
        raise ParameterError(
            f"bbox '{text}': expected west,south,east,north in degrees, such as 138.3,34.9,138.4,35.0",
            f"bbox '{text}' が不正です。西,南,東,北を度で指定してください (例: 138.3,34.9,138.4,35.0)。",
            field="bbox",
        )
    return west, south, east, north
