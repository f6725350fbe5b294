"""What a map shows of the service: footprints of datasets; a job's rasters as tiles and values, its outlines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from fastapi import Path as InPath

from api.access.gate import TheVisitor
from api.access.visible import visible_job
from api.access.visitor import Visitor
from api.datasets.store import list_datasets
from api.jobs.folder import JobFolder
from api.map_features import footprints, geopackage_features
from api.map_layers import Ramp, Style, describe_layer, draw_tile, value_at
from api.records import ResultRecord
from api.service import Service, TheService
from pointcloud.errors import NotFoundError, ParameterError

router = APIRouter(tags=["maps"])

_MAX_FOOTPRINTS: Final = 10_000
_MAX_ZOOM: Final = 24
_KEEP: Final = {"Cache-Control": "private, max-age=86400"}  # a result never changes
_COG: Final = "image/tiff"
_GPKG: Final = "application/geopackage+sqlite3"

Layer = Annotated[str, Query(max_length=500, description="Path of a raster among the job's results.")]
Place = Annotated[int, InPath(ge=0, lt=2**_MAX_ZOOM)]
Value = Annotated[float, Query(allow_inf_nan=False, description="Value at an end of the ramp.")]


@router.get("/footprints")
def show_footprints(service: TheService, visitor: TheVisitor) -> dict[str, Any]:
    """Rectangles of the point clouds whose CRS is known, as GeoJSON in degrees."""
    with service.database.reading() as session:
        return footprints(list_datasets(session, _MAX_FOOTPRINTS, 0, visitor.seen_projects(None)))


@router.get("/jobs/{job_id}/layers")
def show_layers(job_id: str, service: TheService, visitor: TheVisitor) -> dict[str, Any]:
    """The rasters of a job: bounds in degrees, colours, usual range of values."""
    found = _files(service, job_id, visitor, _COG)
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
    path = next((path for one, path in _files(service, job_id, visitor, _COG) if one.path == layer), None)
    if path is None:
        raise NotFoundError(
            f"job {job_id} has no raster '{layer}'; GET /jobs/{job_id}/layers lists those that exist",
            f"ジョブ {job_id} にラスタ '{layer}' はありません。GET /jobs/{job_id}/layers で確認してください。",
            value=layer,
        )
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
    found = _files(service, job_id, visitor, _COG)
    return {"lon": lon, "lat": lat, "values": {one.path: value_at(path, lon, lat) for one, path in found}}


@router.get("/jobs/{job_id}/features")
def show_features(job_id: str, service: TheService, visitor: TheVisitor) -> dict[str, Any]:
    """Zones, patches, trees and whatever a job wrote into GeoPackages, as GeoJSON in degrees."""
    collections = [geopackage_features(path) for _, path in _files(service, job_id, visitor, _GPKG)]
    features = [feature for one in collections for feature in one["features"]]
    return {"type": "FeatureCollection", "features": features, "left_out": sum(one["left_out"] for one in collections)}


def _files(service: Service, job_id: str, visitor: Visitor, media_type: str) -> list[tuple[ResultRecord, Path]]:
    """The result files of a kind that are still there, and where."""
    with service.database.reading() as session:
        job = visible_job(session, job_id, visitor)
        folder = JobFolder(service.settings.jobs_dir, job_id).results
        found = [(one, folder / one.path) for one in job.results if one.media_type.startswith(media_type)]
    return [(one, path) for one, path in found if path.is_file()]
