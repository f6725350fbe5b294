"""Copies of LAS and LAZ files with some dimensions changed and all else kept bit for bit."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.errors import InputError, ParameterError
from pointcloud.io.las_header import COPC_USER, LASZIP, Header, Record
from pointcloud.io.las_output import Output
from pointcloud.io.las_points import EXTRA_BYTES, Columns, Layout, describe, fitting, layout_of, undescribed
from pointcloud.io.las_source import BATCH, Source, open_source
from pointcloud.io.laz_layers import ChunkWriter, splice
from pointcloud.io.staging import staged

Edit = Callable[[int, PointCloud], Columns]
"""Number of the first point and the points -> dimensions to replace or add, one value a point."""

_FIXED: Final = ("X", "Y", "Z", "ReturnNumber")


def rewrite(
    source: Path, target: Path, edit: Edit, *, chunk: int = BATCH, dimensions: Sequence[str] | None = None
) -> None:
    """Copy a file with the dimensions that ``edit`` returns replaced or added; all else stays bit for bit.

    Header, records, waveforms, GPS times and extra bytes are kept, known or not. The target is compressed where its
    suffix is .laz; of a COPC only the records that make it one are left out. Points are streamed, so memory does
    not grow with the file. The target appears whole or not at all; it may be the source.

    Parameters
    ----------
    source, target
        Files; point format and version stay.
    edit
        Called with the number of the first point of a batch and the batch; every call must return the same
        names and types. A new name becomes extra bytes. X, Y, Z and ReturnNumber cannot be edited: the header's
        bounds and counts depend on them.
    chunk
        Points of a batch.
    dimensions
        Attributes that ``edit`` is given, all where None.

    Raises
    ------
    FileError
        When the source cannot be used.
    InputError
        When ``edit`` returns other names, types or lengths than before.
    ParameterError
        When a value does not fit (as in `write`), a dimension cannot be edited, or points with waveforms are to be
        compressed.
    ResourceError
        When the target cannot be written.
    """
    opened = open_source(source)
    names = opened.names(dimensions)
    batches = opened.batches(chunk)
    start, points = 0, next(batches)
    changes = dict(edit(0, opened.cloud(points, names)))
    wanted = {name: column.dtype for name, column in changes.items()}
    layout, descriptors = _edited_layout(opened, wanted)
    with staged(target) as stage, stage.open("wb") as stream:
        header = opened.header
        records = _kept_records(header, descriptors)
        compresses = target.suffix.lower() == ".laz"
        signature = b"" if compresses else header.signature
        out = Output(
            stream, compresses, header.raw, records, header.gap, layout.point_format, layout.dtype.itemsize, signature
        )
        while True:
            out.points(_edited(points, changes, layout, wanted, source))
            start += len(points)
            following = next(batches, None)
            if following is None:
                break
            points = following
            changes = dict(edit(start, opened.cloud(points, names)))
        out.finish([record for record in header.records if _is_kept(record) and record.is_extended], {}, header)


def relabel(source: Path, target: Path, columns: Columns, known: Columns = MappingProxyType({})) -> None:
    """Copy a file with some dimensions replaced or added, one value for each point; all else stays bit for bit.

    As `rewrite`, but where a layered LAZ gets other classes, flags or extra bytes only, the compressed layers of all
    other dimensions are copied as they are, which takes a tenth of the time.

    Parameters
    ----------
    source, target
        Files; point format and version stay.
    columns
        Dimension -> new values; a new name becomes extra bytes.
    known
        Dimensions that the caller has read of all points; where `laz_layers.CONTEXT` (and `FLAGS`) are among them,
        nothing has to be decoded again.

    Raises
    ------
    InputError
        When a column has not one value for each point.
    TengunError
        As `rewrite`.
    """
    opened = open_source(source)
    shapes = {values.shape for values in columns.values()}
    if shapes - {(opened.header.n_points,)}:
        raise InputError(
            f"editing {source.name}: columns of shapes {sorted(shapes)} for {opened.header.n_points} points",
            f"{source.name}: 列の形 {sorted(shapes)} が点数 {opened.header.n_points} と一致しません。",
            file=source.name,
        )
    layout, descriptors = _edited_layout(opened, {name: values.dtype for name, values in columns.items()})
    plan = splice(opened, layout, tuple(columns)) if columns and target.suffix.lower() == ".laz" else None
    if plan is None:
        rewrite(
            source, target, lambda start, p: {n: v[start : start + len(p)] for n, v in columns.items()}, dimensions=()
        )
        return
    header, chunks = opened.header, ChunkWriter(plan.record)
    with staged(target) as stage, stage.open("wb") as stream:
        out = Output(
            stream, True, header.raw, _kept_records(header, descriptors), header.gap, layout.point_format,
            layout.dtype.itemsize, chunks=chunks,
        )  # fmt: skip
        for n_points, parts in plan.chunks(columns, known):
            chunks.write(stream, n_points, parts)
        out.finish([record for record in header.records if _is_kept(record) and record.is_extended], {}, header)


def _edited_layout(source: Source, wanted: Mapping[str, np.dtype[Any]]) -> tuple[Layout, bytes]:
    """The layout with room for new dimensions, and the descriptors of all extra bytes."""
    fixed = [name for name in wanted if name in _FIXED]
    if fixed:
        raise ParameterError(
            f"editing {source.header.path.name}: {', '.join(fixed)} cannot be edited: the header's bounds and counts "
            "depend on them; write a new file",
            f"{source.header.path.name}: {', '.join(fixed)} は変更できません (ヘッダの範囲と点数が変わるため)。"
            "新しいファイルに書き込んでください。",
            field=fixed[0],
        )
    header = source.header
    described = header.find(*EXTRA_BYTES)
    stated = b"" if described is None else header.payload(described)
    new = {name: dtype for name, dtype in wanted.items() if name not in source.layout.fields}
    if not new:
        return source.layout, stated
    stated, size = fitting(stated, header.n_extra_bytes)
    descriptors = stated + undescribed(header.n_extra_bytes - size)
    descriptors += b"".join(describe(name, dtype) for name, dtype in new.items())
    point_size = header.point_size + sum(dtype.itemsize for dtype in new.values())
    if len(descriptors) > 0xFFFF or point_size > 0xFFFF:
        raise ParameterError(
            f"editing {header.path.name}: no room for {', '.join(new)}; a LAS point has at most 65535 bytes and 341 "
            "extra dimensions",
            f"{header.path.name}: {', '.join(new)} を追加できません。LAS の 1 点は 65535 バイト、追加属性 341 個"
            "までです。",
            value=list(new),
        )
    return layout_of(header.point_format, point_size, descriptors), descriptors


def _is_kept(record: Record) -> bool:
    """Whether a record stays true in a copy: what makes a file LAZ or COPC does not."""
    return record.key != LASZIP and record.key[0] != COPC_USER


def _kept_records(header: Header, descriptors: bytes) -> list[tuple[bytes, bytes]]:
    """Records before the points as head and payload, with the extra bytes' descriptors put in."""
    kept = []
    has_descriptors = False
    for record in header.records:
        if record.is_extended or not _is_kept(record):
            continue
        payload = header.payload(record)
        if record.key == EXTRA_BYTES and not has_descriptors:
            payload, has_descriptors = descriptors, True
        kept.append((record.head(len(payload)), payload))
    if descriptors and not has_descriptors:
        head = struct.pack("<H16sHH32s", 0, *EXTRA_BYTES, len(descriptors), b"Extra Bytes Record")
        kept.append((head, descriptors))
    return kept


def _edited(
    points: NDArray[np.void],
    changes: Columns,
    layout: Layout,
    wanted: Mapping[str, np.dtype[Any]],
    source: Path,
) -> NDArray[np.void]:
    """The records with their changes."""
    given = {name: column.dtype for name, column in changes.items()}
    shapes = {column.shape for column in changes.values()}
    if given != wanted or shapes - {(len(points),)}:
        raise InputError(
            f"editing {source.name}: the edit returned {given} of shapes {sorted(shapes)} for {len(points)} points; "
            f"expected {dict(wanted)}, one value a point",
            f"{source.name}: 編集結果 {given} (形 {sorted(shapes)}) が {len(points)} 点分の {dict(wanted)} と"
            "一致しません。",
            file=source.name,
        )
    if points.dtype.itemsize != layout.dtype.itemsize:
        wide = np.zeros((len(points), layout.dtype.itemsize), dtype=np.uint8)
        wide[:, : points.dtype.itemsize] = points.view(np.uint8).reshape(len(points), -1)
        points = wide.reshape(-1).view(layout.dtype)
    for name, column in changes.items():
        layout.set(points, name, column)
    return points
