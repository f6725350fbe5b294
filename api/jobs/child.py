"""A worker process as the dispatcher sees it: its group, its limits, how it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from api.jobs.store import Claim
from api.problems import CRASHED, Problem


def _memory_kills() -> int:
    """How often the kernel has ended a process for want of memory since it started; 0 where it does not say."""
    try:
        with Path("/proc/vmstat").open(encoding="ascii") as counters:
            found = (line.split()[1] for line in counters if line.startswith("oom_kill "))
            return int(next(found, "0"))
    except OSError:
        return 0


@dataclass(slots=True)
class Child:
    """A running worker and its process group.

    Parameters
    ----------
    claim
        The job that it runs.
    process
        Leader of a process group of its own.
    deadline
        Moment (`time.monotonic`) at which its time is over.
    verdict
        Why the dispatcher stopped it, if it did.
    kill_at
        Moment at which asking ends and force begins; None as long as it may run.
    memory_kills
        How often the kernel had ended a process for want of memory when this one started.
    """

    claim: Claim
    process: subprocess.Popen[bytes]
    deadline: float
    verdict: Problem | None = None
    kill_at: float | None = None
    memory_kills: int = field(default_factory=_memory_kills)

    @property
    def pid(self) -> int:
        """Process id, which is the id of the group too."""
        return self.process.pid

    def has_ended(self) -> bool:
        """True where the leader has ended. It is not reaped yet, so its id can't belong to anyone else."""
        if self.process.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def stop(self, grace_s: float) -> None:
        """Ask the whole group to end; once ``grace_s`` is over, end it by force. To be called until it ended."""
        if self.kill_at is None:
            self.kill_at = time.monotonic() + grace_s
            self._signal(signal.SIGTERM)
        elif time.monotonic() >= self.kill_at:
            self._signal(signal.SIGKILL)

    def reap(self) -> int:
        """End what is left of the group and take the leader's return code."""
        if self.process.returncode is None:
            self._signal(signal.SIGKILL)
        returncode = self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        return returncode

    def was_killed_from_outside(self, returncode: int) -> bool:
        """True where somebody ended it by force: neither the dispatcher nor the kernel for want of memory."""
        is_ours = self.verdict is not None or self.kill_at is not None
        return returncode == -signal.SIGKILL and not is_ours and _memory_kills() == self.memory_kills

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def describe_end(returncode: int) -> Problem:
    """The reason of a job whose worker ended without writing one."""
    if returncode >= 0:
        return Problem(
            CRASHED,
            f"the worker process ended with code {returncode} before the job was done; "
            "the administrator finds the reason in the job's log",
            f"処理プロセスが途中で終了しました (終了コード {returncode})。原因はジョブのログに記録されています。",
            {"exit_code": returncode},
        )
    name = _signal_name(-returncode)
    en, ja = _HINTS.get(name, ("the administrator finds more in the job's log", "詳細はジョブのログを確認してください"))
    return Problem(
        CRASHED,
        f"the worker process was ended by {name}; {en}",
        f"処理プロセスが {name} により終了しました。{ja}。",
        {"signal": name},
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


_HINTS = {
    "SIGKILL": (
        "either the machine's memory ran out or someone ended it; try a smaller area",
        "メモリ不足か、外部からの強制終了です。範囲を小さくして再実行してください",
    ),
    "SIGSEGV": (
        "a native library crashed; the administrator finds the place in the job's log",
        "ライブラリの異常終了です。箇所はジョブのログに記録されています",
    ),
    "SIGABRT": (
        "a native library gave up, often for want of memory; try a smaller area",
        "ライブラリが処理を中断しました。多くはメモリ不足です。範囲を小さくして再実行してください",
    ),
}
