"""The audit log: who did what, when, from where, with which outcome; a chain that shows where it was tampered with."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import IO, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.database import Database, one_at_a_time
from api.periodic import Periodic
from api.records import AuditRecord, now

JST: Final = timezone(timedelta(hours=9), "JST")
_FLUSH_S: Final = 60.0
_MOST_LOOKS: Final = 10_000
"""Who asks for ten thousand different things within a minute gets one line for the rest."""
_ROWS_AT_ONCE: Final = 1000
_COLUMNS: Final = ("id", "at", "actor", "via", "address", "action", "target", "outcome", "times", "digest")


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did.

    Parameters
    ----------
    actor, via, address
        User, how they proved it, from where.
    action, target
        Name of the route or command, and what it was about.
    outcome
        Status of the answer, or of a command ``done``.
    """

    actor: str
    via: str
    address: str
    action: str
    target: str
    outcome: str


class AuditLog:
    """Appends lines. What changes or hands out something is written at once, what only looks is counted for a minute.

    Parameters
    ----------
    database
        Holds the log.
    secret
        Key of the chain: who can write to the database but does not know it cannot forge a line.
    """

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._secret = secret
        self._lock = threading.Lock()
        self._looks: dict[Deed, tuple[datetime, int]] = {}
        self._periodic = Periodic("audit", self.flush, _FLUSH_S)

    def start(self) -> None:
        """Begin to write what was counted."""
        self._periodic.start()

    def stop(self) -> None:
        """Write what was counted and end."""
        self._periodic.stop()
        self.flush()

    def record(self, deed: Deed) -> None:
        """Write a line; it stands in the database when this returns."""
        self._append([(deed, now(), 1)])

    def count(self, deed: Deed) -> None:
        """Note a look; the same look within a minute makes one line that tells how often."""
        with self._lock:
            if len(self._looks) >= _MOST_LOOKS:
                deed = replace(deed, target="(many)")
            first, times = self._looks.get(deed, (now(), 0))
            self._looks[deed] = (first, times + 1)

    def record_first(self, deed: Deed) -> None:
        """Write a line, unless the same was written within the last minute: then it is counted as a look is."""
        with self._lock:
            is_first = deed not in self._looks
            if is_first:
                self._looks[deed] = (now(), 0)
        (self.record if is_first else self.count)(deed)

    def flush(self) -> None:
        """Write the lines of what was counted."""
        with self._lock:
            looks, self._looks = self._looks, {}
        if looks:
            self._append([(deed, first, times) for deed, (first, times) in looks.items() if times])

    def _append(self, deeds: Sequence[tuple[Deed, datetime, int]]) -> None:
        with self._lock, self._database.writing() as session:
            append(session, self._secret, deeds)


def append(session: Session, secret: bytes, deeds: Sequence[tuple[Deed, datetime, int]]) -> None:
    """Add lines to the end of the chain."""
    one_at_a_time(session, "audit")
    last = session.execute(select(AuditRecord.id, AuditRecord.digest).order_by(AuditRecord.id.desc()).limit(1)).first()
    number, digest = (0, "") if last is None else (last.id, last.digest)
    for deed, at, times in deeds:
        number += 1
        line = AuditRecord(id=number, at=at, times=times, **_cut(deed))
        digest = line.digest = _digest(secret, digest, line)
        session.add(line)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check of the chain found.

    Parameters
    ----------
    n_lines
        Lines that follow from one another, from the first.
    last_digest
        Digest of the last of these; compared with one noted earlier it shows a log whose end was cut off.
    broken_at
        Number of the first line that does not follow; None where all do.
    """

    n_lines: int
    last_digest: str
    broken_at: int | None


def verify(session: Session, secret: bytes) -> Verdict:
    """Check every line against the one before it."""
    digest, number = "", 0
    for line in lines(session):
        if line.id != number + 1 or not hmac.compare_digest(line.digest, _digest(secret, digest, line)):
            return Verdict(number, digest, line.id)
        digest, number = line.digest, line.id
    return Verdict(number, digest, None)


def lines(session: Session) -> Iterator[AuditRecord]:
    """All lines, the oldest first; a part of them is in memory at a time."""
    yield from session.scalars(select(AuditRecord).order_by(AuditRecord.id).execution_options(yield_per=_ROWS_AT_ONCE))


def export_csv(session: Session, file: IO[str]) -> int:
    """Write all lines as CSV, times in Japan's zone; their number comes back."""
    number = -1  # the head is no line
    for row in csv_rows(lines(session)):
        file.write(row)
        number += 1
    return number


def csv_rows(found: Iterable[AuditRecord]) -> Iterator[str]:
    """The head, then each line as a row of CSV, times in Japan's zone."""
    yield _row(_COLUMNS)
    for line in found:
        values = [getattr(line, column) for column in _COLUMNS]
        values[1] = line.at.astimezone(JST).isoformat(timespec="milliseconds")
        yield _row([_harmless(value) for value in values])


def _row(values: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(values)
    return text.getvalue()


def _harmless(value: object) -> object:
    """A text that a spreadsheet takes as text, not as a formula."""
    return (
        f"'{value}"
        if isinstance(value, str) and value.startswith(("=", "+", "@", "-", "\t")) and value != "-"
        else value
    )


def _cut(deed: Deed) -> dict[str, str]:
    limits = {name: AuditRecord.__table__.c[name].type.length for name in Deed.__dataclass_fields__}  # type: ignore[attr-defined]
    return {name: getattr(deed, name)[:length] for name, length in limits.items()}


def _digest(secret: bytes, before: str, line: AuditRecord) -> str:
    at = line.at.isoformat(timespec="microseconds")
    content = [before, line.id, at, line.actor, line.via, line.address, line.action, line.target, line.outcome]
    text = json.dumps([*content, line.times], ensure_ascii=False)
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def at_the_command(actor: str, action: str, target: str) -> Deed:
    """A deed of somebody at the server's own command line."""
    return Deed(actor, "command", "-", action, target, "done")
