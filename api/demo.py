"""``tengun demo``: the whole way of a volume job over HTTP, from upload to files, on one machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from api.settings import Settings
from pipelines.cli_words import reader_language
from pipelines.tables import CONSOLE, alignment_line, print_files, print_notes, volume_table
from pointcloud.errors import InputError, ResourceError, TengunError

START_TIMEOUT_S = 60.0
POLL_S = 0.3


def demo(before: Path | None, after: Path | None, zones: Path | None, crs: str | None) -> None:
    """Start the service, send it a volume job, show progress and print the result.

    Parameters
    ----------
    before, after
        The user's surveys, or None for the synthetic valley.
    zones
        Polygons, or None.
    crs
        EPSG code for files that state none.

    Raises
    ------
    InputError
        When only one survey is given, or the service refuses the job.
    ResourceError
        When the service does not start.
    """
    settings = Settings()
    truth: Mapping[str, float] = {}
    if before is None and after is None:
        before, after, zones, truth = _valley(settings.data_dir / "demo")
        crs = crs or "EPSG:6676"
    if before is None or after is None:
        raise InputError("demo: give BEFORE and AFTER, or neither", "BEFORE と AFTER の両方を指定してください。")
    files = {"before": before, "after": after, **({"zones": zones} if zones else {})}
    with _service(settings) as url, httpx.Client(base_url=url, timeout=120.0) as client:
        CONSOLE.print(f"サービス service: {url}  (API: {url}/docs)")
        inputs: dict[str, Any] = {name: _upload(client, path) for name, path in files.items()}
        if crs:
            inputs["crs"] = crs
        job = _checked(client.post("/processes/volume-change/execution", json={"inputs": inputs})).json()
        _watch(client, job["jobID"])
        _print_result(client, url, settings, job["jobID"], truth)


def _valley(folder: Path) -> tuple[Path, Path, Path, Mapping[str, float]]:
    """The synthetic valley's two surveys and zones, made once."""
    from pipelines.demo_data import demo_pair

    CONSOLE.print("合成の谷を用意します making the synthetic valley ...")
    return demo_pair(folder)


@contextmanager
def _service(settings: Settings) -> Iterator[str]:
    """A running service of our own, ended at the end."""
    port = _free_port(settings.host, settings.port)
    environment = {**os.environ, **settings.environment(), "TENGUN_PORT": str(port), "TENGUN_ACCESS": "open"}
    log = settings.data_dir / "demo-service.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        command = [sys.executable, "-c", "from api.command import main; main()", "serve"]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603
    url = f"http://{settings.host}:{port}"
    try:
        _wait_until_up(process, url, log)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()


def _free_port(host: str, wanted: int) -> int:
    """The wanted port, or another where it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return wanted


def _wait_until_up(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=5.0).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise ResourceError(
        f"demo: the service did not start; its log is {log}",
        f"サービスを起動できませんでした。ログ: {log}",
        file=str(log),
    )


def _upload(client: httpx.Client, path: Path) -> str:
    if not path.is_file():
        raise InputError(
            f"demo: {path} is not a file; give one LAS/LAZ file", f"{path} はファイルではありません。", file=str(path)
        )
    size = max(path.stat().st_size, 1)
    with _bar(f"送信 upload {path.name}") as update, path.open("rb") as stream:

        def body() -> Iterator[bytes]:
            sent = 0
            while block := stream.read(1 << 20):
                sent += len(block)
                yield block
                update(100.0 * sent / size, None)

        response = _checked(client.post("/datasets", params={"name": path.name}, content=body()))
    return str(response.json()["id"])


def _watch(client: httpx.Client, job: str) -> None:
    with _bar("土量計算 volume-change") as update:
        while True:
            status = _checked(client.get(f"/jobs/{job}")).json()
            is_over = status["status"] not in ("accepted", "running")
            update(float(status["progress"]), None if is_over else f"{status['message_ja']} {status['message']}")
            if is_over:
                break
            time.sleep(POLL_S)
    if status["status"] != "successful":
        raise _problem(status.get("exception") or status, f"job {job} {status['status']}")


def _print_result(client: httpx.Client, url: str, settings: Settings, job: str, truth: Mapping[str, float]) -> None:
    results = _checked(client.get(f"/jobs/{job}/results")).json()
    folder = settings.jobs_dir / job / "results"
    CONSOLE.print(f"{folder}\n{url}/jobs/{job}/results", soft_wrap=True)
    print_files((o["path"], o["title_ja"] if reader_language() == "ja" else o["title"]) for o in results["outputs"])
    summary = results["summary"]["value"]
    CONSOLE.print(volume_table(summary))
    CONSOLE.print(alignment_line(summary["alignment"]))
    for zone in summary["zones"]:
        if zone["name"] in truth:
            true = truth[zone["name"]]
            error = 100.0 * (zone["net_m3"] - true) / abs(true)
            CONSOLE.print(f"真値 truth {zone['name']}: {true:+,.0f} m3  (誤差 error {error:+.1f} %)")
    print_notes(summary)
    page = f"http://{settings.host}:{settings.port}/app/#/volume/{job}"
    CONSOLE.print(
        "サービスは停止しました。`make serve` のあと、次で結果を見られます。 "
        f"The service has stopped; after `make serve` see {page}",
        soft_wrap=True,
    )


@contextmanager
def _bar(title: str) -> Iterator[Any]:
    """A progress bar; without a terminal, a line at each new stage."""
    columns = (TextColumn("{task.description:<48}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=CONSOLE) as bars:
        task = bars.add_task(title, total=100.0)

        def update(percent: float, message: str | None) -> None:
            bars.update(task, completed=percent, description=message or title)

        yield update


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_error:
        try:
            content = response.json()
        except ValueError:
            content = {}
        raise _problem(content, f"the service answered {response.status_code}")
    return response


def _problem(content: Mapping[str, Any], fallback: str) -> TengunError:
    english = str(content.get("detail") or content.get("message") or fallback)
    return InputError(english, str(content.get("detail_ja") or english))
