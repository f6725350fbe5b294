"""Folders of the server: what is in them, and datasets of files that stay there."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from api.access.gate import TheVisitor
from api.datasets.folders import file_of, files_of, root_of
from api.datasets.tiles import Tile, tile_of
from api.links import link, page_links
from api.routes.datasets import target_project
from api.schemas import DatasetList
from api.schemas_folders import Folder, FolderFile, FolderFiles, FolderList, FolderOrder
from api.service import Limit, Offset, Project, TheService, WantedTile
from api.statements import dataset_answer
from pointcloud.errors import TengunError

router = APIRouter(tags=["datasets"])


@router.get("/folders")
def show_folders(request: Request, service: TheService) -> FolderList:
    """Folders of the server that its administrator opened."""
    return FolderList(
        folders=[
            Folder(name=name, links=[link(request, "items", "show_files", "Files", "ファイル", name=name)])
            for name in sorted(service.settings.folders)
        ]
    )


@router.get("/folders/{name}/files", response_model_exclude_none=True)
def show_files(
    name: str,
    request: Request,
    service: TheService,
    wanted: WantedTile,
    limit: Limit = 100,
    offset: Offset = 0,
) -> FolderFiles:
    """Files of a folder and of those in it; of one map sheet, method or epoch where these are given."""
    root = root_of(service.settings.folders, name)
    files = files_of(root, wanted)
    found = list(islice(files, offset, offset + limit + 1))
    return FolderFiles(
        files=[
            FolderFile(path=f.path, size=f.size, sheet=f.tile.sheet, method=f.tile.method, epoch=f.tile.epoch)
            for f in found[:limit]
        ],
        links=page_links(request, limit, offset, len(found)),
    )


def _target(service: TheService, visitor: TheVisitor, project: Project = None) -> str:
    return target_project(service, visitor, project)


@router.post("/folders/{name}/datasets", status_code=201, response_model_exclude_none=True)
def refer_to_files(
    name: str,
    order: FolderOrder,
    request: Request,
    service: TheService,
    project_id: Annotated[str, Depends(_target)],
) -> DatasetList:
    """Make datasets of files of a folder, all or none; they are read for their sha256 and stay where they are."""
    root = root_of(service.settings.folders, name)
    files = [(path, file_of(root, path)) for path in dict.fromkeys(order.paths)]
    stated = Tile(None, order.method, order.epoch)
    taken = []
    try:
        for path, file in files:
            said = {"folder": name, "path": path}
            taken.append(service.datasets.refer(file, said, project_id, tile_of(path, stated)))
    except TengunError:
        for record in taken:
            service.datasets.remove(record.id)
        raise
    return DatasetList(datasets=[dataset_answer(one, request) for one in taken], links=[])
