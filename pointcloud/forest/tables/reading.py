"""CSV tables with ``# key: value`` lines on top: those of this folder and those that users bring."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from pointcloud.errors import FileError

MAX_BYTES: Final = 50_000_000
"""Largest table that is read."""

ENCODINGS: Final = ("utf-8-sig", "cp932")


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its line in the file, counted from 1, and its cells by column name, without surrounding blanks."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table as read: where from, what its head says, its columns and rows, and the SHA-256 of its bytes."""

    name: str
    head: Mapping[str, str]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    sha256: str

    @property
    def version(self) -> str:
        """What the head says, else the first characters of the hash."""
        return self.head.get("version") or f"sha256:{self.sha256[:12]}"

    @property
    def status(self) -> str:
        """``confirmed``, ``unconfirmed``, ``example`` or what else the head says; unconfirmed when it says nothing."""
        return self.head.get("status", "unconfirmed")

    @property
    def source(self) -> str:
        """Where the values come from, as the head says; empty when it says nothing."""
        return self.head.get("source", "")

    def as_dict(self) -> dict[str, str]:
        """What identifies the table, JSON-ready."""
        return {"name": self.name, "version": self.version, "status": self.status, "source": self.source,
                "sha256": self.sha256}  # fmt: skip


def read(path: Path) -> Table:
    """The table in a CSV file in UTF-8 (with or without BOM) or CP932.

    Raises
    ------
    FileError
        When the file is missing, too large, in another encoding, or has no header or two columns of one name.
    """
    if not path.is_file():
        raise FileError(f"table {path}: no such file", f"表 {path} がありません。", file=str(path))
    content = path.read_bytes()
    if len(content) > MAX_BYTES:
        raise FileError(
            f"table {path.name}: {len(content)} bytes; at most {MAX_BYTES} are read",
            f"表 {path.name} は {len(content)} バイトです。{MAX_BYTES} バイト以下にしてください。",
            file=path.name,
        )
    return parse(content, path.name)


@cache
def packaged(name: str) -> Table:
    """A table of this folder, such as ``stem_volume.csv``."""
    return parse(resources.files("pointcloud.forest.tables").joinpath(name).read_bytes(), name)


def parse(content: bytes, name: str) -> Table:
    """The table in the bytes of a CSV file; ``name`` stands in messages. Empty lines are passed over.

    Raises
    ------
    FileError
        As `read`.
    """
    lines = _decoded(content, name).splitlines()
    head: dict[str, str] = {}
    body: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        if line.startswith("#"):
            key, colon, value = line.lstrip("# ").partition(":")
            if colon:
                head[key.strip().lower()] = value.strip().rstrip(",")
        elif line.strip(" ,"):
            body.append((number, line))
    if not body:
        raise FileError(
            f"table {name}: no header and no rows", f"表 {name} に見出し行もデータ行もありません。", file=name
        )
    columns = tuple(c.strip() for c in next(csv.reader([body[0][1]])))
    named = [c for c in columns if c]
    if len(set(named)) != len(named):
        raise FileError(
            f"table {name}, line {body[0][0]}: a column name comes twice: {', '.join(columns)}",
            f"表 {name} の {body[0][0]} 行目: 列名が重複しています ({', '.join(columns)})。",
            file=name,
        )
    return Table(name, head, columns, tuple(_rows(body[1:], columns, name)), hashlib.sha256(content).hexdigest())


def _decoded(content: bytes, name: str) -> str:
    for encoding in ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileError(
        f"table {name}: neither UTF-8 nor CP932; save it as CSV (UTF-8)",
        f"表 {name} の文字コードが UTF-8 でも CP932 でもありません。CSV (UTF-8) で保存してください。",
        file=name,
    )


def _rows(body: Sequence[tuple[int, str]], columns: Sequence[str], name: str) -> Iterator[Row]:
    for number, line in body:
        cells = next(csv.reader([line]))
        if len(cells) > len(columns) and any(c.strip() for c in cells[len(columns) :]):
            raise FileError(
                f"table {name}, line {number}: {len(cells)} cells for {len(columns)} columns; quote cells with commas",
                f"表 {name} の {number} 行目: 列は {len(columns)} 個ですが値が {len(cells)} 個あります。"
                "カンマを含む値は引用符で囲んでください。",
                file=name,
                line=number,
            )
        yield Row(number, {c: v.strip() for c, v in zip(columns, cells, strict=False) if c})


def column(table: Table, names: Sequence[str], is_required: bool = True) -> str | None:
    """The first of ``names`` that is a column, whatever its case; None where there is none and none is required.

    Raises
    ------
    FileError
        When a required column is missing; the message lists the names that are understood.
    """
    found = {c.lower(): c for c in table.columns}
    for candidate in names:
        if candidate.lower() in found:
            return found[candidate.lower()]
    if not is_required:
        return None
    raise FileError(
        f"table {table.name}: no column {' / '.join(names)}; there are {', '.join(table.columns)}",
        f"表 {table.name} に列 {' / '.join(names)} がありません (あるのは {', '.join(table.columns)})。",
        file=table.name,
        field=names[0],
    )


def number(table: Table, row: Row, name: str | None) -> float | None:
    """The number in a cell; None where the column or the value is absent.

    Raises
    ------
    FileError
        When the cell holds something else than a finite number.
    """
    text = row.cells.get(name, "") if name is not None else ""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value - value != 0.0:  # NaN or infinite
        raise FileError(
            f"table {table.name}, line {row.line}, column {name}: '{text}'; expected a number",
            f"表 {table.name} の {row.line} 行目、列 {name} の値 '{text}' は数値ではありません。",
            file=table.name,
            line=row.line,
            value=text,
        )
    return value
