"""The JSON of archives and of folders of the server."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.datasets.tiles import Epoch, Method
from api.schemas import Answer, Dataset, Link


class Unpacked(Answer):
    """The datasets that an archive became, and the files in it that are none."""

    datasets: list[Dataset]
    skipped: list[str]


class Folder(Answer):
    """A folder of the server that its administrator opened."""

    name: str
    links: list[Link]


class FolderList(Answer):
    """Folders by name."""

    folders: list[Folder]


class FolderFile(Answer):
    """A file of a folder, and which tile it is as far as its name and folders say."""

    path: str
    size: int
    sheet: str | None = None
    method: str | None = None
    epoch: str | None = None


class FolderFiles(Answer):
    """Files of a folder by path."""

    files: list[FolderFile]
    links: list[Link]


class FolderOrder(BaseModel):
    """Files of a folder that are to become datasets where they are."""

    model_config = ConfigDict(extra="forbid")

    paths: list[Annotated[str, StringConstraints(min_length=1, max_length=1000)]] = Field(
        min_length=1, max_length=1000, description="As GET /folders/{name}/files tells them."
    )
    method: Method | None = None
    epoch: Epoch | None = None
