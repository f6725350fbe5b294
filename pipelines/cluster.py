"""Tiles of large surveys on a cluster of Dask, or on all cores of this machine.

A task makes one entry of the stage cache, in a folder that all machines see, and the job finds it there. So Dask only
computes: whatever becomes of it, the job itself makes what it does not find, and the result is the same to the byte.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from pipelines import cluster_task, stage_cache
from pipelines.cluster_order import Order
from pipelines.stage_cache import StageCache
from pointcloud.errors import ParameterError, ResourceError, TengunError

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

logger = logging.getLogger("tengun.cluster")

VARIABLE: Final = "TENGUN_DASK_SCHEDULER"
LOCAL: Final = "local"
"""Instead of an address: tiles run beside each other on this machine."""

AHEAD: Final = 2
"""Tiles that a job has under way for each thread of the cluster: enough that none idles while the job reads a result,
few enough that another job's tiles come soon."""

TILE_BYTES: Final = 2 * 1024**3
"""Memory that a tile on this machine gets at least: `tiling.MAX_POINTS` points need about 1.5 GB."""

_TRIES: Final = 3
_CONNECT_S: Final = 10.0
_ANSWER_S: Final = 10.0
_LOOK_S: Final = 2.0
_POLL_S: Final = 0.05
_NO_WORKERS_S: Final = 15.0
_AGAIN_S: Final = 60.0
"""A job that lost its cluster works alone for so long before it asks again."""

Report = Callable[[float], None]


class _LostError(Exception):
    """The cluster does not answer, or has nobody who works."""


class Cluster:
    """The connection of a job to a cluster; made when first needed.

    Parameters
    ----------
    address
        ``tcp://host:port`` or ``tls://host:port`` of a scheduler, or `LOCAL`.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._client: Client | None = None
        self._local: LocalCluster | None = None
        self._not_before = 0.0

    def in_turn(self, orders: Sequence[Order], report: Report) -> Iterator[int]:
        """The index of each order when its entries are in the cache, or cannot be had from the cluster."""
        kept = orders[0].cache.names()
        missing = [i for i, order in enumerate(orders) if not order.is_done(kept)]
        ahead = _Ahead(self, orders, missing if len(missing) > 1 else [], report)
        try:
            for i in range(len(orders)):
                ahead.obtain(i)
                yield i
        finally:
            ahead.cancel()

    def client(self) -> Client | None:
        """The connection; None where there is none now."""
        if self._client is not None and self._client.status == "running":
            return self._client
        if self._client is not None:
            self.lose("the connection to the scheduler broke")
        if time.monotonic() < self._not_before:
            return None
        try:
            self._client = self._connected()
        except OSError as error:  # a time-out is one
            self.lose(f"{error}")
        return self._client

    def lose(self, reason: str) -> None:
        """Go on without the cluster for a while."""
        logger.warning("cluster %s: %s; this process goes on by itself", self.address, reason)
        self.close()
        self._not_before = time.monotonic() + _AGAIN_S

    def close(self) -> None:
        """Cancel what is under way and leave the cluster."""
        for closing in (self._client, self._local):
            if closing is not None:
                with suppress(OSError, RuntimeError):
                    closing.close(timeout=2)
        self._client = self._local = None

    def _connected(self) -> Client:
        _require_dask()
        import dask
        from distributed import Client, LocalCluster

        if self.address != LOCAL:
            return Client(self.address, timeout=_CONNECT_S, set_as_default=False)
        threads, memory = local_size()
        # the limit is for the tiles' processes; this one holds no results of theirs
        watch = {f"distributed.worker.memory.{name}": False for name in ("target", "spill", "pause")}
        with dask.config.set({**watch, "distributed.scheduler.allowed-failures": 0}):
            self._local = LocalCluster(
                n_workers=1, processes=False, threads_per_worker=threads, memory_limit=memory, dashboard_address=None
            )
        logger.info("tiles run in %d processes of %.1f GiB", threads, memory / threads / 1024**3)
        return Client(self._local, set_as_default=False)


class _Ahead:
    """The tiles of one stage that are under way."""

    def __init__(self, cluster: Cluster, orders: Sequence[Order], missing: Sequence[int], report: Report) -> None:
        self._cluster, self._orders, self._report = cluster, orders, report
        self._missing = dict.fromkeys(missing)
        self._sent: dict[int, Future] = {}
        self._threads = 0
        self._share = 0.0

    def obtain(self, i: int) -> None:
        """Wait until an order is done, or nobody but the job can do it."""
        self._share = i / len(self._orders)
        for _ in range(_TRIES):
            client = self._cluster.client() if i in self._missing else None
            if client is None:
                break
            try:
                self._await_workers(client)
                self._send(client, i)
                if self._is_settled(client, i):
                    break
            except (_LostError, OSError) as error:
                self._cluster.lose(f"{error}")
                self._sent.clear()
        self._missing.pop(i, None)
        self._sent.pop(i, None)

    def cancel(self) -> None:
        """Nothing that is still under way is wanted."""
        for future in self._sent.values():
            with suppress(OSError, RuntimeError):
                future.cancel()
        self._sent.clear()

    def _await_workers(self, client: Client) -> None:
        self._threads = _n_threads(client)
        deadline = time.monotonic() + _NO_WORKERS_S
        while self._threads == 0:
            if time.monotonic() > deadline:
                raise _LostError(f"no worker for {_NO_WORKERS_S:g} s")
            self._report(self._share)  # a wish to stop is raised here
            time.sleep(_POLL_S * 10)
            self._threads = _n_threads(client)

    def _send(self, client: Client, wanted: int) -> None:
        """Let the wanted tile be under way, and as many after it as one job may have."""
        for i in self._missing:
            if i not in self._sent and (i == wanted or len(self._sent) < AHEAD * self._threads):
                # a key of its own, so that what one job cancels is not another's
                self._sent[i] = client.submit(cluster_task.make, self._orders[i].as_json(), pure=False)

    def _is_settled(self, client: Client, i: int) -> bool:
        """Whether the cluster is done with an order; False to try again."""
        future = self._sent[i]
        self._wait(client, future)
        if future.status == "finished":
            return True
        if future.status != "error":
            raise _LostError("the scheduler dropped the tiles")
        del self._sent[i]
        return self._is_final(future.exception(timeout=_ANSWER_S), self._orders[i])

    def _wait(self, client: Client, future: Future) -> None:
        look = time.monotonic() + _LOOK_S
        while future.status == "pending":
            time.sleep(_POLL_S)
            if client.status != "running":
                raise _LostError("the connection to the scheduler broke")
            if time.monotonic() > look:
                self._report(self._share)  # a wish to stop is raised here
                self._await_workers(client)
                look = time.monotonic() + _LOOK_S

    @staticmethod
    def _is_final(error: BaseException, order: Order) -> bool:
        from distributed import KilledWorker

        if isinstance(error, TengunError):
            raise error
        if isinstance(error, KilledWorker):
            logger.warning("tile %s: its worker is gone, it is made again", order.name)
            return False
        if isinstance(error, cluster_task.TileError):
            logger.warning("%s; this process makes it itself", error)
            return True
        raise ResourceError(
            f"tile {order.name}: the cluster cannot run it ({error}); tengun must be installed on all of its machines",
            f"タイル {order.name}: クラスタで実行できません ({error})。全マシンに tengun を導入してください。",
        ) from error


def _n_threads(client: Client) -> int:
    threads: dict[str, int] = client.nthreads(callback_timeout=_ANSWER_S)
    return sum(threads.values())


def local_size() -> tuple[int, int]:
    """How many tiles run beside each other on this machine, and the bytes that all of them together may use."""
    import resource

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    own = resource.getrlimit(resource.RLIMIT_DATA)[0]  # a job of the service is limited
    memory = memory if own == resource.RLIM_INFINITY else min(memory, own)
    return max(1, min(os.cpu_count() or 1, memory // TILE_BYTES)), memory


def checked_address(text: str) -> str:
    """The address of a scheduler, or `LOCAL`.

    Raises
    ------
    ParameterError
        When it is neither.
    """
    if text == LOCAL or re.fullmatch(r"(tcp|tls)://([\w.-]+|\[[0-9a-f:.]+\]):\d{1,5}", text):
        return text
    raise ParameterError(
        f"{VARIABLE} = '{text}': expected tcp://host:port or tls://host:port of a Dask scheduler, or {LOCAL}",
        f"{VARIABLE} = '{text}' が不正です。Dask スケジューラの tcp://ホスト:ポート、tls://ホスト:ポート、"
        f"または {LOCAL} を指定してください。",
        field=VARIABLE,
        value=text,
    )


def from_environment() -> str | None:
    """The cluster of the command line: `VARIABLE`; None where it is not set."""
    return checked_address(os.environ.get(VARIABLE, "")) if os.environ.get(VARIABLE) else None


_active: Cluster | None = None


@contextmanager
def used(address: str | None) -> Iterator[None]:
    """A block in which tiles of large surveys are made by this cluster, or in this process where it is None.

    Inside a block of `stage_cache.used`. For the whole process, because it runs one job.

    Raises
    ------
    ParameterError
        When no cache is used, through which results would come, or Dask is not installed.
    """
    global _active  # noqa: PLW0603 (see above)
    if address is not None and stage_cache.active() is None:
        raise ParameterError(
            f"{VARIABLE} = {address} needs a cache of stages, in a folder that all machines see: set TENGUN_CACHE_DIR, "
            "and TENGUN_CACHE_BYTES not to 0",
            f"{VARIABLE} = {address} には、全マシンから見える工程キャッシュが必要です。TENGUN_CACHE_DIR を指定し、"
            "TENGUN_CACHE_BYTES を 0 以外にしてください。",
            field=VARIABLE,
        )
    cluster = Cluster(address) if address else None
    before, _active = _active, cluster
    try:
        yield
    finally:
        _active = before
        if cluster is not None:
            cluster.close()


def is_used() -> bool:
    """Whether a block of `used` runs with a cluster."""
    return _active is not None


def in_turn(n: int, order: Callable[[int, StageCache], Order], report: Report = lambda _: None) -> Iterator[int]:
    """0, 1 ... n - 1; where a cluster is used, each when the entries of its order are in the cache or can't be had.

    While it waits, ``report`` is called with the share done (0-1) every few seconds.
    """
    cache = stage_cache.active()
    if _active is None or cache is None or n < 2:
        yield from range(n)
    else:
        yield from _active.in_turn([order(i, cache) for i in range(n)], report)


def _require_dask() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise ParameterError(
            f"{VARIABLE} is set, but Dask is not installed; run: pip install 'tengun[cluster]'",
            f"{VARIABLE} が設定されていますが Dask がありません。pip install 'tengun[cluster]' を実行してください。",
            field=VARIABLE,
        ) from error
