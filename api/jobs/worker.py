"""The process that runs one job: ``python -m api.jobs.worker <job id>``.

It is started by the dispatcher as the leader of its own process group, takes its settings from the
environment, and writes progress and outcome into the database itself. Whatever happens to it, the
service lives on; when the service dies, it ends itself with all its children, and the next service
starts the job again.
"""

from __future__ import annotations

import faulthandler
import hashlib
import logging
import os
import resource
import signal
import stat
import sys
import threading
import time
from pathlib import Path, PurePosixPath
from typing import Any, Final

from sqlalchemy.exc import OperationalError

from api.catalog import load_catalog
from api.database import Database
from api.datasets.folders import check_source
from api.datasets.store import find_dataset
from api.identifiers import new_id
from api.jobs import store
from api.jobs.folder import JobFolder, exclusive
from api.jobs.states import JobStatus
from api.problems import INTERNAL, Problem
from api.records import JobRecord
from api.settings import Settings
from pipelines import cluster, stage_cache
from pipelines.process import Context, Outputs, Process, process_in
from pipelines.progress import Progress, ProgressEvent, Text
from pipelines.restraint import stand_back
from pipelines.workspace import staged_folder
from pointcloud.errors import ConflictError, TengunError

logger = logging.getLogger("tengun.worker")

_PROGRESS_INTERVAL_S: Final = 0.5


def main(arguments: list[str]) -> int:
    """Run the job named on the command line; 0 where its outcome stands in the database."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = Settings()
    _protect_the_machine(settings)
    _end_with_the_service()
    job_id = arguments[0]
    folder = JobFolder(settings.jobs_dir, job_id)
    database = Database(settings.url)
    held = f"job {job_id} is run by another process"
    try:
        with exclusive(folder.lock, held, f"ジョブ {job_id} は別のプロセスが実行中です。"):
            run_job(job_id, folder, settings, database)
    finally:
        database.close()
    return 0


def run_job(job_id: str, folder: JobFolder, settings: Settings, database: Database) -> None:
    """Run a job that was claimed and write its outcome.

    Raises
    ------
    ConflictError
        When the job is not marked as running.
    """
    with database.reading() as session:
        job = store.find_job(session, job_id)
    if job.status != JobStatus.RUNNING:
        raise ConflictError(f"job {job_id} is {job.status}, not running", f"ジョブ {job_id} は実行状態ではありません。")
    claim = store.Claim(job.id, job.attempt)
    folder.make()
    try:
        process = process_in(load_catalog(settings.catalog), job.process_id)
        cache = settings.stage_cache if settings.cache_bytes else None
        with stage_cache.used(cache), cluster.used(settings.dask_scheduler), staged_folder(folder.results) as stage:
            outputs = _run_process(process, job, stage, claim, settings, database)
            files = [_measured(stage, output.path, output.media_type, output.title) for output in outputs.files]
        with database.writing() as session:
            store.succeed(session, claim, outputs.summary, files)
    except TengunError as error:
        _fail(database, claim, Problem.from_error(error, _hidden_folders(job, settings)))
    except MemoryError:
        logger.exception("job %s: memory", job_id)
        _fail(database, claim, _memory_problem(settings))
    except Exception:  # whatever a process does must end as a failed job with a reason
        incident = new_id()
        logger.exception("job %s: incident %s", job_id, incident)
        _fail(database, claim, _internal_problem(incident))


def _run_process(
    process: Process[Any], job: JobRecord, stage: Path, claim: store.Claim, settings: Settings, database: Database
) -> Outputs:
    inputs: dict[str, list[Path]] = {declared.name: [] for declared in process.inputs}
    for given in job.inputs:
        path = settings.datasets_dir / given.dataset_id / given.file_name
        if path.is_symlink():
            _check_source(path, given.dataset_id, database)
        inputs[given.input_name].append(path)
    parameters = process.parameters_type.model_validate(job.parameters)
    progress = Progress(process.stages, ProgressWriter(database, claim))
    return process.run(inputs, parameters, Context(stage, progress))


def _check_source(path: Path, dataset_id: str, database: Database) -> None:
    """Refuse a file of a server's folder that has changed since its sha256 was taken."""
    with database.reading() as session:
        info = find_dataset(session, dataset_id).info
    check_source(path, info)


class ProgressWriter:
    """Writes progress into the database, at most twice a second, but never misses a new stage.

    A message that comes between two writes goes out with the next one.
    """

    def __init__(self, database: Database, claim: store.Claim) -> None:
        self._database = database
        self._claim = claim
        self._stage = ""
        self._message: Text | None = None
        self._next_write = 0.0

    def __call__(self, event: ProgressEvent) -> None:
        """Write the event if it is time to."""
        is_new_stage = event.stage.id != self._stage
        if event.message:
            self._message = Text(event.message, event.message)
        elif is_new_stage:
            self._message = event.stage.title
        if not is_new_stage and time.monotonic() < self._next_write:
            return
        try:
            with self._database.writing() as session:
                store.record_progress(
                    session, self._claim, event.stage.id, event.fraction, event.percent, self._message
                )
        except OperationalError:
            # a database that is busy or full for a moment must not cost hours of work; the outcome is what counts
            logger.warning("job %s: progress could not be written", self._claim.job_id, exc_info=True)
        self._stage, self._message = event.stage.id, None
        self._next_write = time.monotonic() + _PROGRESS_INTERVAL_S


def _measured(stage: Path, path: str, media_type: str, title: Text) -> store.ResultFile:
    """The record of an output file: it must lie inside the workspace, or the process has an error."""
    file = (stage / path).resolve(strict=True)
    relative = PurePosixPath(file.relative_to(stage.resolve()).as_posix())
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return store.ResultFile(relative, media_type, title, file.stat().st_size, digest)


def _fail(database: Database, claim: store.Claim, problem: Problem) -> None:
    with database.writing() as session:
        store.fail(session, claim, problem)


def _hidden_folders(job: JobRecord, settings: Settings) -> list[Path]:
    folders = [settings.datasets_dir / given.dataset_id for given in job.inputs]
    return [*folders, settings.jobs_dir / job.id, settings.data_dir]


def _memory_problem(settings: Settings) -> Problem:
    limit = settings.job_memory_limit_bytes / 1024**3
    return Problem(
        "resource",
        f"memory ran out: a job may use {limit:.1f} GiB; process a smaller area or a larger cell size",
        f"メモリが不足しました (上限 {limit:.1f} GiB)。範囲を小さくするか格子間隔を大きくしてください。",
        {"limit_bytes": settings.job_memory_limit_bytes},
    )


def _internal_problem(incident: str) -> Problem:
    return Problem(
        INTERNAL,
        f"internal error {incident}; the administrator finds the reason in the job's log",
        f"内部エラー {incident}。原因はジョブのログに記録されています。管理者に連絡してください。",
        {"id": incident},
    )


def _protect_the_machine(settings: Settings) -> None:
    """Limit this process and its children, so that a bad job dies before the machine does.

    RLIMIT_DATA counts private memory that can be written, not mapped files and libraries: an allocation
    beyond it raises MemoryError, which becomes a reason that a user can read.
    """
    faulthandler.enable()
    limit = settings.job_memory_limit_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    stand_back()


def _end_with_the_service() -> None:
    """End this process group as soon as the service is gone.

    The service holds the other end of standard input open as long as it lives. Started by hand in a
    terminal, standard input is no pipe, and nothing is watched.
    """
    if os.getpgrp() != os.getpid() or not stat.S_ISFIFO(os.fstat(0).st_mode):
        return
    lifeline = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)

    def watch() -> None:
        while os.read(lifeline, 1):
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
