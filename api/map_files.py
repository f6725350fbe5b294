"""Result files that the map reads: only what a job itself wrote, no address comes from a client."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from api.access.visible import visible_job
from api.access.visitor import Visitor
from api.jobs.folder import JobFolder
from api.records import ResultRecord
from api.service import Service
from pointcloud.errors import NotFoundError

TIFF: Final = "image/tiff"
"""How the media types of rasters begin."""


def files_of(service: Service, job_id: str, visitor: Visitor, media_type: str) -> list[tuple[ResultRecord, Path]]:
    """The result files of a kind that are still there, and where.

    Raises
    ------
    NotFoundError
        When there is no such job for this visitor.
    """
    with service.database.reading() as session:
        job = visible_job(session, job_id, visitor)
        folder = JobFolder(service.settings.jobs_dir, job_id).results
        found = [(one, folder / one.path) for one in job.results if one.media_type.startswith(media_type)]
    return [(one, path) for one, path in found if path.is_file()]


def no_raster(job_id: str, layer: str) -> NotFoundError:
    """What is said of a raster that a job does not have."""
    return NotFoundError(
        f"job {job_id} has no raster '{layer}'; GET /jobs/{job_id}/layers lists those that exist",
        f"ジョブ {job_id} にラスタ '{layer}' はありません。GET /jobs/{job_id}/layers で確認してください。",
        value=layer,
    )
