"""The PDAL documents that the service ships, with the options that can be set."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.schemas import PipelineList
from pipelines.document import shipped, shipped_names
from pipelines.executors import describe

router = APIRouter(tags=["pipelines"])


@router.get("/pipelines")
def list_pipelines() -> PipelineList:
    """Documents with title, stages, tunable options and their JSON; `pdal-pipeline` runs one that you wrote."""
    return PipelineList(pipelines=[describe(shipped(name)) for name in shipped_names()])


@router.get("/pipelines/{name}")
def show_pipeline(name: str) -> dict[str, Any]:
    """One document."""
    return describe(shipped(name))
