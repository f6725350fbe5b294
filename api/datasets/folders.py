"""Folders of the server that its administrator opened: their files are used where they are, nothing is copied."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from api.datasets.names import KINDS
from api.datasets.tiles import Tile, tile_of
from pointcloud.errors import FileError, NotFoundError, ParameterError

MAX_SEEN: Final = 200_000
"""Files that a look through a folder passes at most."""


@dataclass(frozen=True, slots=True)
class FolderFile:
    """A file of a folder: its path in it, its size in bytes, and which tile it is."""

    path: str
    size: int
    tile: Tile


def root_of(folders: Mapping[str, Path], name: str) -> Path:
    """The place of a folder.

    Raises
    ------
    NotFoundError
        When there is none of that name.
    """
    if name not in folders or not folders[name].is_dir():
        raise NotFoundError(
            f"no folder '{name[:40]}'; GET /folders lists those that the administrator opened",
            f"フォルダ「{name[:40]}」はありません。GET /folders で公開フォルダを確認してください。",
            value=name[:40],
        )
    return folders[name].resolve()


def files_of(root: Path, wanted: Tile) -> Iterator[FolderFile]:
    """The files that tengun reads and that are of the tiles wanted, by path.

    Raises
    ------
    ParameterError
        When the folder holds more files than are looked through.
    """
    n_seen = 0
    for place, folders, names in os.walk(root):
        folders.sort()
        n_seen += len(names)
        if n_seen > MAX_SEEN:
            raise ParameterError(
                f"the folder holds more than {MAX_SEEN} files; ask the administrator to open parts of it",
                f"フォルダ内のファイルが {MAX_SEEN} 件を超えています。管理者に分割を依頼してください。",
                field="folder",
            )
        for name in sorted(names):
            found = _file(root, Path(place) / name, wanted)
            if found is not None:
                yield found


def file_of(root: Path, path: str) -> Path:
    """The file at a path of the folder, links followed.

    Raises
    ------
    NotFoundError
        When there is none, or the path leads out of the folder; nobody is told which.
    """
    try:
        found = (root / PurePosixPath(path)).resolve(strict=True)
        is_there = "\0" not in path and found.is_relative_to(root) and found.is_file()
    except (OSError, ValueError, RuntimeError):
        is_there = False
    if not is_there:
        raise NotFoundError(
            f"no file '{path[:200]}' in this folder; GET /folders/<name>/files lists them",
            f"このフォルダにファイル「{path[:200]}」はありません。GET /folders/<name>/files で確認してください。",
            value=path[:200],
        )
    return found


def check_source(path: Path, info: Mapping[str, Any]) -> None:
    """Refuse a file of a server's folder that is no longer the one whose sha256 was taken.

    Raises
    ------
    FileError
        When it was changed, moved or removed.
    """
    source = info.get("source")
    if source is None:
        return
    try:
        seen = path.stat()
    except OSError:
        seen = None
    if seen is None or (seen.st_size, seen.st_mtime_ns) != (source["size"], source["modified_ns"]):
        raise FileError(
            f"{path.name}: the file in the server's folder '{source['folder']}' was changed or removed since it was "
            "registered; register it again",
            f"{path.name}: サーバフォルダ「{source['folder']}」のファイルが登録後に変更または削除されています。"
            "登録し直してください。",
            file=path.name,
        )


def _file(root: Path, path: Path, wanted: Tile) -> FolderFile | None:
    if path.suffix.lower() not in KINDS or KINDS[path.suffix.lower()] == "archive" or path.name.startswith("."):
        return None
    relative = path.relative_to(root).as_posix()
    tile = tile_of(relative)
    try:
        if not tile.fits(wanted) or not path.resolve().is_relative_to(root):
            return None
        return FolderFile(relative, path.stat().st_size, tile)
    except OSError:  # gone since, or not ours to look at
        return None
