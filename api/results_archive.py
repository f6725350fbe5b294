"""All files of a job as one zip, made while it is sent."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from api.records import JobRecord

_CHUNK_BYTES: Final = 1024**2
_SUMMARY: Final = "results.json"
_SUMS: Final = "SHA256SUMS"


class _Outgoing:
    """A file that cannot be sought: what the zip writes into it is taken out again at once."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def write(self, data: bytes) -> int:
        """Take ``data`` in."""
        self._pending += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits elsewhere."""

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self._pending)
        self._pending.clear()
        return taken


def archive_of(job: JobRecord, document: dict[str, Any], folder: Path) -> Iterator[bytes]:
    """The zip in chunks; files are stored as they are, since LAZ and GeoTIFF are compressed already.

    Besides the files it holds the job's results document and the sha256 sums, to be checked with ``sha256sum -c``.
    """
    outgoing = _Outgoing()
    moment = (job.finished or job.updated).timetuple()[:6]
    with zipfile.ZipFile(outgoing, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for file in job.results:
            entry = zipfile.ZipInfo(file.path, moment)
            with archive.open(entry, "w", force_zip64=True) as target, (folder / file.path).open("rb") as source:
                while chunk := source.read(_CHUNK_BYTES):
                    target.write(chunk)
                    yield outgoing.take()
        sums = "".join(f"{file.sha256}  {file.path}\n" for file in job.results)
        archive.writestr(zipfile.ZipInfo(_SUMS, moment), sums)
        text = json.dumps(document, ensure_ascii=False, indent=1)
        archive.writestr(zipfile.ZipInfo(_SUMMARY, moment), text, zipfile.ZIP_DEFLATED)
    yield outgoing.take()
