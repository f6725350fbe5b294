"""Datasets: upload, list, facts, removal."""

from __future__ import annotations

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Body, Query, Request, Response

from api.access.gate import TheVisitor
from api.access.users import require_project
from api.access.visible import visible_dataset
from api.access.visitor import Visitor
from api.datasets.body import open_upload
from api.datasets.store import list_datasets
from api.datasets.tiles import Tile
from api.datasets.unpacking import unpack_dataset
from api.links import href, page_links
from api.schemas import Dataset, DatasetChange, DatasetList
from api.schemas_folders import Unpacked
from api.service import Limit, Offset, Project, Service, TheEpoch, TheMethod, TheService, WantedTile
from api.statements import dataset_answer

router = APIRouter(tags=["datasets"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


@router.post("/datasets", status_code=201, response_model_exclude_none=True, openapi_extra=_BODY)
async def add_dataset(
    request: Request,
    response: Response,
    service: TheService,
    visitor: TheVisitor,
    project: Project = None,
    name: Annotated[str | None, Query(description="The file's name, such as 08ND77.laz.")] = None,
    method: TheMethod = None,
    epoch: TheEpoch = None,
) -> Dataset:
    """Take a file in: LAS, LAZ, COPC, polygons or lines as GeoJSON or GeoPackage, drawings (DXF, LandXML, SIMA, CSV).

    A zip of such files is taken in whole; `POST /datasets/{id}/unpack` makes datasets of what is in it.

    The body is the file itself, its name in ``?name=``; or a form with a file. It goes to disk as it
    arrives, and its header is checked before the answer.
    """
    project_id = await run_sync(target_project, service, visitor, project)
    upload = await open_upload(request, name)
    stated = Tile(None, method, epoch)
    dataset = await service.datasets.receive(upload.name, upload.chunks, _announced(request), project_id, stated)
    response.headers["Location"] = href(request, "show_dataset", dataset_id=dataset.id)
    return dataset_answer(dataset, request)


@router.get("/datasets", response_model_exclude_none=True)
def show_datasets(
    request: Request,
    service: TheService,
    visitor: TheVisitor,
    wanted: WantedTile,
    project: Project = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> DatasetList:
    """Datasets, the newest first; of one map sheet, method or epoch where these are given."""
    with service.database.reading() as session:
        found = list_datasets(session, limit + 1, offset, visitor.seen_projects(project), wanted)
    return DatasetList(
        datasets=[dataset_answer(dataset, request) for dataset in found[:limit]],
        links=page_links(request, limit, offset, len(found)),
    )


@router.get("/datasets/{dataset_id}", response_model_exclude_none=True)
def show_dataset(dataset_id: str, request: Request, service: TheService, visitor: TheVisitor) -> Dataset:
    """What a file says about itself: header, CRS or candidates, problems."""
    with service.database.reading() as session:
        return dataset_answer(visible_dataset(session, dataset_id, visitor), request)


@router.post("/datasets/{dataset_id}/unpack", status_code=201, response_model_exclude_none=True)
def unpack(
    dataset_id: str,
    request: Request,
    service: TheService,
    visitor: TheVisitor,
    method: TheMethod = None,
    epoch: TheEpoch = None,
    keep: Annotated[bool, Query(description="Keep the archive, too.")] = False,
) -> Unpacked:
    """Make a dataset of each file of a zip: of all of them, or of none where one cannot be used.

    Map sheet, method and epoch follow from names and folders in it, such as `2021/LP/08ME3552.las`, as far as they
    are not given here or with the archive. The archive itself is removed then.
    """
    with service.database.reading() as session:
        archive = visible_dataset(session, dataset_id, visitor)
    visitor.require_change(archive.project_id)
    stated = Tile(None, method or archive.method, epoch or archive.epoch)
    taken, found = unpack_dataset(service.settings, service.datasets, archive, stated)
    if not keep:
        service.datasets.remove(dataset_id)
    return Unpacked(datasets=[dataset_answer(one, request) for one in taken], skipped=list(found.skipped))


@router.patch("/datasets/{dataset_id}", response_model_exclude_none=True)
def describe_dataset(
    dataset_id: str,
    request: Request,
    service: TheService,
    visitor: TheVisitor,
    said: Annotated[DatasetChange | None, Body()] = None,
) -> Dataset:
    """Say how and when a file was surveyed, so that it is found among its survey; null takes a statement back."""
    with service.database.reading() as session:
        visitor.require_change(visible_dataset(session, dataset_id, visitor).project_id)
    changes = {} if said is None else said.model_dump(exclude_unset=True)
    return dataset_answer(service.datasets.describe(dataset_id, changes), request)


@router.delete("/datasets/{dataset_id}", status_code=204)
def remove_dataset(dataset_id: str, service: TheService, visitor: TheVisitor) -> None:
    """Remove a file that no waiting or running job needs."""
    with service.database.reading() as session:
        visitor.require_change(visible_dataset(session, dataset_id, visitor).project_id)
    service.datasets.remove(dataset_id)


def target_project(service: Service, visitor: Visitor, project: str | None) -> str:
    """The project that new datasets go into; it has to be there, and the visitor must be allowed to change it."""
    project_id = visitor.target_project(project)
    with service.database.reading() as session:
        require_project(session, project_id)
    return project_id


def _announced(request: Request) -> int | None:
    """Size of the body where the client says it. A form is a little larger than its file."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isdecimal() else None
