"""The processes that tengun offers, by id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.process import Process
from pipelines.processes.forest_carbon import ForestCarbon
from pipelines.processes.ground import GroundClassification
from pipelines.processes.pdal_pipeline import PdalPipeline
from pipelines.processes.sections import Sections
from pipelines.processes.terrain import TerrainModel
from pipelines.processes.tree_inventory import TreeInventory
from pipelines.processes.volume import VolumeChange
from pipelines.processes.volume_epochs import VolumeEpochs
from pointcloud.errors import NotFoundError

PROCESSES: Mapping[str, Process[Any]] = {
    process.id: process
    for process in (
        TerrainModel(),
        GroundClassification(),
        VolumeChange(),
        VolumeEpochs(),
        Sections(),
        TreeInventory(),
        ForestCarbon(),
        PdalPipeline(),
    )
}


def get(process_id: str) -> Process[Any]:
    """The process of that id.

    Raises
    ------
    NotFoundError
        When there is none; the message lists those that exist.
    """
    if process_id not in PROCESSES:
        known = ", ".join(PROCESSES)
        raise NotFoundError(
            f"no process '{process_id}'; there are: {known}",
            f"処理 '{process_id}' はありません。利用できる処理: {known}",
            value=process_id,
        )
    return PROCESSES[process_id]
