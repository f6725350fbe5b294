"""Takes accepted jobs and runs each in a worker process of its own.

One thread of the service does it. A job is a process group: dismissing it, its time limit and the end of
the service reach every process that it started. The database is the truth; what stands here in memory
are only the children of this very process.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from typing import Final

from sqlalchemy.orm import Session

from api.database import Database
from api.jobs import store
from api.jobs.child import Child, describe_end
from api.jobs.folder import JobFolder, with_leftovers
from api.jobs.states import JobStatus
from api.problems import INTERNAL, Problem
from api.settings import SECRET_VARIABLES, Settings
from pipelines.progress import Text
from pointcloud.errors import NotFoundError

logger = logging.getLogger("tengun.jobs")

_BUSY_POLL_S: Final = 0.1
_IDLE_POLL_S: Final = 1.0
_STOPPED: Final = Text(
    "the service was stopped; the job starts again with it",
    "サービスが停止したため、再起動後に再実行します。",
)
_DIED: Final = Text(
    "the service ended unexpectedly; the job starts again",
    "サービスが異常終了したため、再実行します。",
)

_KILLED: Final = Text(
    "the job's process was ended from outside; the job starts again",
    "処理プロセスが外部から強制終了されたため、再実行します。",
)


class Dispatcher:
    """Runs jobs, at most ``settings.workers`` at the same time.

    Parameters
    ----------
    settings, database
        Of the service. Only one dispatcher may work on a database at a time.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._children: list[Child] = []
        self._wake = threading.Event()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    @property
    def is_alive(self) -> bool:
        """True as long as jobs are being taken."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Put jobs of an earlier service that were cut off back into the queue, then take jobs."""
        self._recover()
        self._thread.start()

    def wake(self) -> None:
        """Look at the queue now rather than at the next turn."""
        self._wake.set()

    def stop(self) -> None:
        """End all workers and put their jobs back into the queue."""
        self._is_stopping = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                self._turn()
            except Exception:  # a locked or full database must not end the service; the next turn tries again
                logger.exception("dispatcher: turn failed, trying again")
                time.sleep(_IDLE_POLL_S)
            self._wake.wait(_BUSY_POLL_S if self._children else _IDLE_POLL_S)
            self._wake.clear()
        self._end_all()

    def _turn(self) -> None:
        self._attend_children()
        while len(self._children) < self._settings.workers and self._start_next():
            pass

    def _attend_children(self) -> None:
        if not self._children:
            return
        with self._database.reading() as session:
            unwanted = store.no_longer_running(session, [child.claim.job_id for child in self._children])
        for child in list(self._children):
            if child.has_ended():
                self._conclude(child)
            elif child.claim.job_id in unwanted:
                child.stop(self._settings.stop_grace_s)
            elif time.monotonic() > child.deadline:
                child.verdict = child.verdict or _time_problem(self._settings.job_time_limit_s)
                child.stop(self._settings.stop_grace_s)

    def _start_next(self) -> bool:
        with self._database.writing() as session:
            claim = store.claim_next(session, self._settings.max_running_per_user)
        if claim is None:
            return False
        try:
            child = self._spawn(claim)
        except OSError as error:
            logger.exception("job %s: worker could not be started", claim.job_id)
            with self._database.writing() as session:
                store.fail(session, claim, _unstartable_problem(error))
            return True
        self._children.append(child)
        with self._database.writing() as session:
            store.note_worker(session, claim, child.pid)
        logger.info("job %s: running, attempt %d, worker %d", claim.job_id, claim.attempt, child.pid)
        return True

    def _spawn(self, claim: store.Claim) -> Child:
        folder = JobFolder(self._settings.jobs_dir, claim.job_id)
        folder.make()
        own = {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES}
        environment = {**own, **self._settings.environment(), "TMPDIR": str(folder.temporary)}
        with folder.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 (our own interpreter and module, no shell)
                [sys.executable, "-m", "api.jobs.worker", claim.job_id],
                stdin=subprocess.PIPE,  # held open as long as this service lives, see the worker
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        return Child(claim, process, time.monotonic() + self._settings.job_time_limit_s)

    def _conclude(self, child: Child) -> None:
        """Write the end of a job whose worker ended, unless the worker or the user did, and clean up."""
        returncode = child.reap()
        problem = child.verdict or describe_end(returncode)
        with self._database.writing() as session:
            if child.was_killed_from_outside(returncode) and self._may_try_again(session, child.claim):
                store.requeue(session, child.claim, _KILLED, is_interruption=True)
            else:
                store.fail(session, child.claim, problem)
        self._clean(child.claim.job_id)
        self._children.remove(child)

    def _may_try_again(self, session: Session, claim: store.Claim) -> bool:
        try:
            return store.find_job(session, claim.job_id).interruptions + 1 < self._settings.job_max_interruptions
        except NotFoundError:
            return False

    def _clean(self, job_id: str) -> None:
        folder = JobFolder(self._settings.jobs_dir, job_id)
        try:
            with self._database.reading() as session:
                status = store.find_job(session, job_id).status
        except NotFoundError:
            folder.remove()
            return
        folder.remove_unfinished(keep_results=status == JobStatus.SUCCESSFUL)
        logger.info("job %s: %s", job_id, status)

    def _end_all(self) -> None:
        for child in self._children:
            child.stop(self._settings.stop_grace_s)
        while any(not child.has_ended() for child in self._children):
            for child in self._children:
                child.stop(self._settings.stop_grace_s)
            time.sleep(_BUSY_POLL_S / 2)
        for child in list(self._children):
            child.reap()
            with self._database.writing() as session:
                store.requeue(session, child.claim, _STOPPED, is_interruption=False)
            self._clean(child.claim.job_id)
        self._children.clear()

    def _recover(self) -> None:
        with self._database.reading() as session:
            cut_off = store.running_jobs(session)
        for job in cut_off:
            JobFolder(self._settings.jobs_dir, job.id).end_leftover_worker()
            claim = store.Claim(job.id, job.attempt)
            with self._database.writing() as session:
                if job.interruptions + 1 >= self._settings.job_max_interruptions:
                    store.fail(session, claim, _interrupted_problem(job.interruptions + 1))
                else:
                    store.requeue(session, claim, _DIED, is_interruption=True)
            self._clean(job.id)
        for job_id in with_leftovers(self._settings.jobs_dir):  # jobs that ended just before the service did
            self._clean(job_id)


def _time_problem(limit_s: float) -> Problem:
    return Problem(
        "resource",
        f"time ran out: a job may run {limit_s:g} s; process a smaller area or ask the administrator for more",
        f"制限時間 {limit_s:g} 秒を超えました。範囲を小さくするか、管理者に上限の変更を依頼してください。",
        {"limit_s": limit_s},
    )


def _interrupted_problem(times: int) -> Problem:
    return Problem(
        "resource",
        f"the service ended {times} times while this job ran, so it is not started again; ask the administrator",
        f"このジョブの実行中にサービスが {times} 回異常終了したため、再実行しません。管理者に連絡してください。",
        {"interruptions": times},
    )


def _unstartable_problem(error: OSError) -> Problem:
    return Problem(
        INTERNAL,
        f"the worker process could not be started ({error.strerror}); ask the administrator",
        f"処理プロセスを起動できませんでした ({error.strerror})。管理者に連絡してください。",
    )
