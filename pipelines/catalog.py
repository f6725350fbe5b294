"""The processes that tengun offers, by id."""

from __future__ import annotations

from typing import Any

from pipelines.process import Catalog, Process, process_in
from pipelines.processes.forest_carbon import ForestCarbon
from pipelines.processes.ground import GroundClassification
from pipelines.processes.pdal_pipeline import PdalPipeline
from pipelines.processes.sections import Sections
from pipelines.processes.terrain import TerrainModel
from pipelines.processes.tree_inventory import TreeInventory
from pipelines.processes.volume import VolumeChange
from pipelines.processes.volume_epochs import VolumeEpochs

PROCESSES: Catalog = {
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
    return process_in(PROCESSES, process_id)
