"""New COPC files from clouds that need not fit memory.

The points go into a file beside the target, are counted by cube, brought into runs of cubes that fit memory, and
written node by node; see `pointcloud.io.copc_tree` for who lives where.

References
----------
COPC specification 1.0 (copc.io, 2021). Samet, H. (2006). Foundations of Multidimensional and Metric Data Structures,
section 1.4 (octrees and their codes).
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud
from pointcloud.io import copc_tree as tree
from pointcloud.io import las_write
from pointcloud.io.copc import ENTRY, INFO
from pointcloud.io.copc_kernels import Codes, Levels
from pointcloud.io.copc_tree import Cube
from pointcloud.io.las_formats import POINT_SIZES
from pointcloud.io.las_header import COPC_USER, LASZIP
from pointcloud.io.las_points import Layout, describe, layout_of
from pointcloud.io.laz import Compressor
from pointcloud.io.staging import staged

LEAF_POINTS: Final = 60_000
"""Points up to which a node is not divided: about 300 kB compressed."""

LOAD_POINTS: Final = 4_000_000
"""Points sorted into nodes at a time: about 600 MB."""

BATCH: Final = 1_000_000
COUNTING_LEVEL: Final = 7
"""Points are counted in 128 x 128 x 128 cubes before they are brought into runs."""

_HIERARCHY: Final = 1000
Records = NDArray[np.void]


def write(
    path: Path,
    pieces: Iterable[PointCloud],
    *,
    scales: tuple[float, float, float] = (0.001, 0.001, 0.001),
    offsets: tuple[float, float, float] | None = None,
    created: date | None = None,
    load_points: int = LOAD_POINTS,
) -> int:
    """Write a new COPC file from a cloud in pieces; the number of points.

    Point format 6, or 7 for colours, 8 for Infrared; other attributes become extra bytes. Memory follows
    ``load_points``, not the cloud; the folder needs room for the points uncompressed, twice where they do not fit.
    The file appears whole or not at all.

    Parameters
    ----------
    path, pieces, scales, offsets, created
        As for `las_write.write`; at least one piece.
    load_points
        Points sorted at a time.

    Raises
    ------
    ParameterError, CrsError, InputError, ResourceError
        As `las_write.write`.
    """
    left = iter(pieces)
    first = next(left)
    with staged(path) as stage, tempfile.TemporaryDirectory(prefix=".copc-", dir=path.parent) as folder:
        spill = _Spill.of(chain([first], left), first, Path(folder) / "points", scales, offsets, path)
        with stage.open("w+b") as stream:
            out = _Output(stream, spill, first, created)
            if spill.n_points:
                _write_nodes(out, spill, load_points)
            out.finish()
        return spill.n_points


@dataclass(slots=True)
class _Spill:
    """All points in a file, as records in the order in which they came."""

    path: Path
    frame: las_write.Frame
    summary: las_write.Summary
    times: list[float]

    @classmethod
    def of(
        cls,
        pieces: Iterable[PointCloud],
        first: PointCloud,
        path: Path,
        scales: tuple[float, float, float],
        offsets: tuple[float, float, float] | None,
        target: Path,
    ) -> _Spill:
        """Write the pieces into the file."""
        frame = _frame(first, scales, offsets, target)
        summary, times = las_write.Summary(), [np.inf, -np.inf]
        with path.open("wb") as stream:
            for piece in pieces:
                for part in las_write.parts(piece):
                    records = frame.records(part)
                    summary.add(records, frame.layout)
                    if len(records):
                        own = records["GpsTime"]
                        times = [min(times[0], float(own.min())), max(times[1], float(own.max()))]
                    stream.write(records.view(np.uint8).data)
        return cls(path, frame, summary, times)

    @property
    def n_points(self) -> int:
        return self.summary.n_points

    @property
    def layout(self) -> Layout:
        return self.frame.layout

    def cube(self) -> Cube:
        """The root's cube."""
        low, high = (v * self.frame.scales + self.frame.offsets for v in (self.summary.low, self.summary.high))
        return Cube.around(low, high)

    def codes(self, cube: Cube, records: Records) -> Codes:
        """Places of records on the cube's curve."""
        axes = zip("XYZ", self.frame.scales, self.frame.offsets, strict=True)
        return cube.codes(*(records[axis] * scale + offset for axis, scale, offset in axes))


def _frame(
    first: PointCloud, scales: tuple[float, float, float], offsets: tuple[float, float, float] | None, path: Path
) -> las_write.Frame:
    colours, infrared = (name in first.attributes for name in ("Red", "Infrared"))
    number = 8 if infrared else 7 if colours else 6
    own = layout_of(number, POINT_SIZES[number])
    names = las_write.storable(first, own)
    extras = [n for n in names if n not in own.fields]
    size = POINT_SIZES[number] + sum(first.attributes[n].dtype.itemsize for n in extras)
    layout = layout_of(number, size, b"".join(describe(n, first.attributes[n].dtype) for n in extras))
    if offsets is None:
        low = [float(np.floor(axis.min())) if axis.size else 0.0 for axis in (first.x, first.y, first.z)]
        offsets = (low[0], low[1], low[2])
    return las_write.Frame(path, layout, np.array(scales), np.array(offsets), names)


@dataclass(slots=True)
class _Pool:
    """Points that nodes above those in hand show: their records, places and leaves."""

    records: list[Records] = field(default_factory=list)
    codes: list[Codes] = field(default_factory=list)
    leaves: list[Levels] = field(default_factory=list)


def _write_nodes(out: _Output, spill: _Spill, load_points: int) -> None:
    """Write all nodes, the deep ones first."""
    cube = spill.cube()
    if spill.n_points <= load_points:
        records = np.fromfile(spill.path, dtype=spill.layout.dtype)
        codes = spill.codes(cube, records)
        _write_subtrees(out, records, codes, None, 0, _Pool())
        return
    counts = np.zeros(8**COUNTING_LEVEL, dtype=np.int64)
    for records in _batches(spill.path, spill.layout):
        counts += np.bincount(
            tree.prefix(spill.codes(cube, records), COUNTING_LEVEL).astype(np.int64), minlength=counts.size
        )
    top, cubes = _division(counts, load_points)
    above = _leaves_above(counts, top)
    pool = _Pool()
    for records in _loads(spill, cube, top, cubes, _loads_of(cubes, load_points)):
        codes = spill.codes(cube, records)
        _write_subtrees(out, records, codes, above, top, pool)
    records, codes, leaves = np.concatenate(pool.records), np.concatenate(pool.codes), np.concatenate(pool.leaves)
    order = np.argsort(codes, kind="stable")
    levels = np.empty(codes.size, dtype=np.uint8)
    levels[order] = tree.levels_of(codes[order], np.minimum(leaves[order], np.uint8(top - 1)), 0)
    out.nodes(records, tree.nodes_of(codes, levels))


def _write_subtrees(out: _Output, records: Records, codes: Codes, above: Levels | None, top: int, pool: _Pool) -> None:
    """Write what lives in nodes from level ``top`` down; the rest goes into the pool.

    ``above`` is the leaf level of each cube of level ``top`` that lies in a leaf above it, else `tree.NO_LEAF`.
    """
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    leaves = tree.leaves_of(ordered, top, LEAF_POINTS)
    if above is not None:
        leaves = np.minimum(leaves, above[tree.prefix(ordered, top).astype(np.int64)])
    levels = np.empty(codes.size, dtype=np.uint8)
    levels[order] = tree.levels_of(ordered, leaves, top)
    if top:
        leaf_of = np.empty(codes.size, dtype=np.uint8)
        leaf_of[order] = leaves
        shown = levels < top
        pool.records.append(records[shown])
        pool.codes.append(codes[shown])
        pool.leaves.append(leaf_of[shown])
        records, codes, levels = records[~shown], codes[~shown], levels[~shown]
    out.nodes(records, tree.nodes_of(codes, levels))


def _batches(path: Path, layout: Layout) -> Iterator[Records]:
    with path.open("rb") as stream:
        while data := stream.read(BATCH * layout.dtype.itemsize):
            yield np.frombuffer(data, dtype=layout.dtype)


def _division(counts: NDArray[np.int64], load_points: int) -> tuple[int, NDArray[np.int64]]:
    """The coarsest level whose cubes each fit a load, and the points in its cubes; the counting level at most."""
    for level in range(1, COUNTING_LEVEL):
        cubes = counts.reshape(8**level, -1).sum(axis=1)
        if cubes.max() <= load_points:
            return level, cubes
    return COUNTING_LEVEL, counts


def _leaves_above(counts: NDArray[np.int64], top: int) -> Levels:
    """For each cube of level ``top`` the level above it at which it lies in a leaf, else `tree.NO_LEAF`."""
    leaves = np.full(8**top, tree.NO_LEAF, dtype=np.uint8)
    for level in range(top - 1, -1, -1):
        is_leaf = counts.reshape(8**level, -1).sum(axis=1) <= LEAF_POINTS
        leaves[np.repeat(is_leaf, 8 ** (top - level))] = level
    return leaves


def _loads_of(cubes: NDArray[np.int64], load_points: int) -> NDArray[np.int64]:
    """The load in which each cube is worked on: runs of cubes that together fit."""
    loads, number, filled = np.zeros(cubes.size, dtype=np.int64), 0, 0
    for cube in np.flatnonzero(cubes).tolist():
        n = int(cubes[cube])
        if filled and filled + n > load_points:
            number, filled = number + 1, 0
        filled += n
        loads[cube] = number
    return loads


def _loads(
    spill: _Spill, cube: Cube, top: int, cubes: NDArray[np.int64], loads: NDArray[np.int64]
) -> Iterator[Records]:
    """The points of each load, in the order in which they came; brought together in a second file.

    ``cubes`` has the points of each cube of level ``top``, ``loads`` the load that works on it.
    """

    def own(records: Records) -> NDArray[np.int64]:
        own_load: NDArray[np.int64] = loads[tree.prefix(spill.codes(cube, records), top).astype(np.int64)]
        return own_load

    n_loads, size = int(loads.max()) + 1, spill.layout.dtype.itemsize
    total = np.bincount(loads, cubes, n_loads).astype(np.int64)
    starts = np.concatenate(([0], np.cumsum(total)))
    target, place = spill.path.with_name("sorted"), starts[:-1].copy()
    with target.open("wb") as stream:
        for records in _batches(spill.path, spill.layout):
            number = own(records)
            ordered = records[np.argsort(number, kind="stable")]
            edges = np.concatenate(([0], np.cumsum(np.bincount(number, minlength=n_loads))))
            for load in np.flatnonzero(np.diff(edges)).tolist():
                stream.seek(int(place[load]) * size)
                stream.write(ordered[edges[load] : edges[load + 1]].view(np.uint8).data)
                place[load] += edges[load + 1] - edges[load]
    spill.path.unlink()
    for load in range(n_loads):
        yield np.fromfile(target, dtype=spill.layout.dtype, count=int(total[load]), offset=int(starts[load]) * size)


class _Output:
    """A COPC file being written: header and records, nodes, the hierarchy, the header's numbers."""

    def __init__(self, stream: BinaryIO, spill: _Spill, first: PointCloud, created: date | None) -> None:
        self._stream, self._spill = stream, spill
        self._nodes: list[Codes] = []
        layout = spill.layout
        self._compressor = Compressor(
            layout.point_format, layout.dtype.itemsize - POINT_SIZES[layout.point_format], own_chunks=True
        )
        raw = bytearray(las_write.new_header(4, spill.frame, created))
        own = layout_of(layout.point_format, POINT_SIZES[layout.point_format])
        extras = [n for n in spill.frame.names if n not in own.fields]
        described = b"".join(describe(n, first.attributes[n].dtype) for n in extras)
        records = [
            (_head(COPC_USER, 1, INFO.size, b"COPC info VLR"), bytes(INFO.size)),
            (_head(*LASZIP, len(self._compressor.record), b"http://laszip.org"), self._compressor.record),
            *las_write.new_records(4, first, described),
        ]
        body = b"".join(head + payload for head, payload in records)
        self._start = len(raw) + len(body)
        struct.pack_into("<II", raw, 96, self._start, len(records))
        struct.pack_into("<BH", raw, 104, layout.point_format | 0x80, layout.dtype.itemsize)
        self._raw = raw
        stream.write(raw + body)

    def nodes(self, records: Records, nodes: Codes) -> None:
        """Write records, each into its node; a node comes once."""
        if not len(records):
            return
        order = np.argsort(nodes, kind="stable")
        ordered, own = records[order], nodes[order]
        starts = np.flatnonzero(np.append(True, own[1:] != own[:-1]))
        self._compressor.write_chunks(self._stream, [part.view(np.uint8) for part in np.split(ordered, starts[1:])])
        self._nodes.append(own[starts])

    def finish(self) -> None:
        """Write the hierarchy and what the header and the info record say only now."""
        spill, stream = self._spill, self._stream
        self._compressor.close(stream)
        stream.seek(self._start)
        table = self._compressor.chunk_table(stream) if self._nodes else []
        entries = self._entries(np.array(table, dtype=np.int64).reshape(-1, 2))
        end = stream.seek(0, 2)
        head = struct.pack("<H16sHQ32s", 0, COPC_USER, _HIERARCHY, entries.nbytes, b"EPT hierarchy")
        stream.write(head + entries.tobytes())
        for place, data in spill.summary.patch(4, spill.layout.point_format, spill.frame).items():
            self._raw[place : place + len(data)] = data
        struct.pack_into("<QI", self._raw, 235, end, 1)
        cube = spill.cube() if spill.n_points else Cube(0.0, 0.0, 0.0, 1.0)
        half = cube.side / 2.0
        times = spill.times if spill.n_points else (0.0, 0.0)
        info = INFO.pack(
            cube.west + half, cube.south + half, cube.bottom + half, half, cube.side / (1 << tree.CELL_BITS),
            end + len(head), entries.nbytes, *times,
        )  # fmt: skip
        stream.seek(0)
        stream.write(self._raw)
        stream.seek(len(self._raw) + 54)
        stream.write(info)

    def _entries(self, table: NDArray[np.int64]) -> NDArray[np.void]:
        """The hierarchy as one page, sorted by level and place."""
        written = np.concatenate(self._nodes) if self._nodes else np.ones(1, dtype=np.uint64)
        nodes = tree.with_ancestors(written)
        entries: NDArray[Any] = np.zeros(nodes.size, dtype=ENTRY)
        for name, column in zip(("level", "x", "y", "z"), tree.keys_of(nodes).T, strict=True):
            entries[name] = column
        if len(table):
            at = np.searchsorted(nodes, written)
            first = self._start + 8
            entries["count"][at], entries["size"][at] = table[:, 0], table[:, 1]
            entries["offset"][at] = first + np.concatenate(([0], np.cumsum(table[:-1, 1])))
        return entries


def _head(user: bytes, number: int, size: int, text: bytes) -> bytes:
    return struct.pack("<H16sHH32s", 0, user, number, size, text)
