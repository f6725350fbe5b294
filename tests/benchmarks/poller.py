"""Clients that poll, in a process of their own and as lean as Python allows, so that they measure the service.

``python -m tests.benchmarks.poller`` reads its `Polling` as JSON from standard input and writes the milliseconds
of every call, and the seconds of processor that it took itself, as JSON to standard output.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Polling:
    """Clients, each over one connection that it keeps open as a browser does.

    ``pause`` is the time between the beginnings of a client's calls; 0 asks again as soon as it is answered.
    """

    port: int
    keys: list[str]
    jobs: list[str]
    pause: float
    seconds: float


async def poll(polling: Polling) -> list[float]:
    """Milliseconds of every status call, one client for each key."""
    times: list[float] = []
    end = time.perf_counter() + polling.seconds

    async def client(number: int, key: str) -> None:
        await asyncio.sleep(polling.pause * number / len(polling.keys))
        reader, writer = await asyncio.open_connection("127.0.0.1", polling.port)
        due, place = time.perf_counter(), 7919 * number
        while due < end:
            place += 1
            job = polling.jobs[place % len(polling.jobs)]
            started = time.perf_counter()
            writer.write(f"GET /jobs/{job} HTTP/1.1\r\nHost: service\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
            await _answer(reader, job.encode())
            times.append(1000.0 * (time.perf_counter() - started))
            due = max(due + polling.pause, time.perf_counter())
            await asyncio.sleep(due - time.perf_counter() if polling.pause else 0.0)
        writer.close()

    await asyncio.gather(*(client(number, key) for number, key in enumerate(polling.keys)))
    return times


async def _answer(reader: asyncio.StreamReader, job: bytes) -> None:
    """Take one answer in and hold it against what was asked."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
    body = await reader.readexactly(int(length))
    assert job in body, body


def main() -> dict[str, Any]:
    """The measurement that standard input asks for."""
    polling = Polling(**json.load(sys.stdin))
    return {"times": asyncio.run(poll(polling)), "cpu_s": time.process_time()}


if __name__ == "__main__":
    json.dump(main(), sys.stdout)
