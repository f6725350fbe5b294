"""The one unit that command line, API and notebooks share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from pipelines.progress import Progress, Stage, Text
from pointcloud.errors import NotFoundError


class Parameters(BaseModel):
    """Base of a process's parameters: unknown names are refused, values are checked before a point is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SurveyParameters(Parameters):
    """What a process that reads a survey's points takes."""

    crs: str | None = Field(
        None,
        title="CRS / 座標参照系",
        description="EPSG code such as EPSG:6676, for files that state none / ファイルに座標系がない場合の EPSG コード",
        examples=["EPSG:6676"],
    )


P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A named input of files: one survey may be many tiles."""

    name: str
    title: Text
    kind: Literal["pointcloud", "polygons", "lines", "surface", "heights", "points", "table", "raster"]
    required: bool = True
    many: bool = True
    also: tuple[Literal["table"], ...] = ()
    """Other kinds that serve as well."""


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a run made; ``path`` is relative to the output folder."""

    path: str
    media_type: str
    title: Text


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a run gives back: a JSON-ready summary and its files."""

    summary: dict[str, Any]
    files: tuple[OutputFile, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What a run is given besides its inputs.

    Parameters
    ----------
    workspace
        An existing empty folder; the run writes its output files there and nowhere else. The caller moves
        them to their place when the run succeeded and removes the folder when it failed.
    progress
        Reports stages and asks whether to stop.
    """

    workspace: Path
    progress: Progress


class Process(ABC, Generic[P]):
    """A process: what it takes, what it gives, and how it runs. Nothing about HTTP, nothing about a terminal."""

    id: ClassVar[str]
    version: ClassVar[str]
    title: ClassVar[Text]
    description: ClassVar[Text]
    inputs: ClassVar[tuple[DatasetInput, ...]]
    stages: ClassVar[tuple[Stage, ...]]
    parameters_type: type[P]

    @abstractmethod
    def run(self, inputs: Mapping[str, Sequence[Path]], parameters: P, context: Context) -> Outputs:
        """Do the work.

        Parameters
        ----------
        inputs
            Input name -> files. A file keeps the name that its owner gave it: a 図郭 code in it counts.
        parameters
            Checked parameters.
        context
            Workspace and progress.

        Raises
        ------
        TengunError
            With a message for the user; nothing else is raised on purpose.
        """


Catalog = Mapping[str, Process[Any]]
"""Processes by id."""


def process_in(catalog: Catalog, process_id: str) -> Process[Any]:
    """The process of that id among those of a catalogue.

    Raises
    ------
    NotFoundError
        When there is none; the message lists those that exist.
    """
    if process_id not in catalog:
        known = ", ".join(catalog)
        raise NotFoundError(
            f"no process '{process_id}'; there are: {known}",
            f"処理 '{process_id}' はありません。利用できる処理: {known}",
            resource="process",
            value=process_id,
        )
    return catalog[process_id]
