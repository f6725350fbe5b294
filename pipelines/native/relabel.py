"""A layered LAZ file that is read, labelled and written in its own format: only its classes are compressed anew.

The records come out as the stages one by one would write them. What lies between reader and writer must keep every
point in its place and change nothing but ``Classification``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipelines.document import Document
from pipelines.native import expression, readers, writers
from pipelines.native.las_file import Layout
from pipelines.native.readers import Origin, View
from pipelines.native.stage import Filter
from pointcloud.cloud import PointCloud
from pointcloud.io import las, las_kernels, las_write, laz_layers
from pointcloud.io.las_output import Output
from pointcloud.io.las_source import Source, open_source
from pointcloud.io.staging import staged

LABELLERS: Final = ("filters.smrf", "filters.outlier", "filters.elm")
"""Filters that give classes and do nothing else."""

_TIME_AT: Final = 22
"""Place of GpsTime in records of formats 6 to 8."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A document that can be run this way.

    Parameters
    ----------
    path, source, origin
        The file to read.
    names
        Dimensions that the filters look at and the labels are coded with.
    options
        Of the reader and of the writer.
    layout
        Of the target; as that of the source.
    splice
        How the classes are replaced.
    """

    path: Path
    source: Source
    origin: Origin
    names: tuple[str, ...]
    options: tuple[Mapping[str, Any], Mapping[str, Any]]
    layout: Layout
    splice: laz_layers.Splice

    def read(self) -> PointCloud:
        """The points with what is needed of them."""
        cloud = las.read(self.path, dimensions=self.names)
        return readers.in_system(cloud, self.options[0])


def plan(document: Document, parsed: Sequence[Mapping[str, Any]], folder: Path) -> Plan | None:
    """How to run a document this way; None where it cannot be."""
    kinds = [stage.type for stage in document.stages]
    is_chain = all(tuple(stage.inputs) == (i,) for i, stage in enumerate(document.stages[1:]))
    is_labelling = len(kinds) > 2 and all(kind in LABELLERS for kind in kinds[1:-1])
    if not (is_chain and is_labelling) or (kinds[0], kinds[-1]) != ("readers.las", "writers.las"):
        return None
    reader, writer = parsed[0], parsed[-1]
    path = folder / reader["filename"]
    if reader["count"] is not None or not writers.compresses(folder / writer["filename"], writer):
        return None
    source = open_source(path)
    splice = laz_layers.splice(source, source.layout, ("Classification",))
    own = readers.origin(source.header)
    layout = _layout(source, own, writer)
    if source.header.n_extra_bytes or splice is None or layout is None:
        return None
    ranges = [text for options in parsed[1:-1] for text in options.get("ignore") or ()]
    looked_at = {expression.value_range(text)[0].dimension for text in ranges} | {"Classification"}
    if not looked_at <= {*source.layout.fields, "X", "Y", "Z"}:
        return None  # the stage says so, naming the dimensions of the file
    names = tuple(name for name in source.layout.fields if name in {*looked_at, *laz_layers.CONTEXT})
    return Plan(path, source, own, names, (reader, writer), layout, splice)


def _layout(source: Source, origin: Origin, options: Mapping[str, Any]) -> Layout | None:
    """How the target is laid out, where that is how the source is."""
    empty, header = np.empty(0), source.header
    head = PointCloud(empty, empty, empty)
    view = View([head], (origin,))
    if options["extra_dims"] or writers.needs_extent(options, [view]):
        return None
    found = writers.layout_of_target([view], [head], options, None)
    here = (header.minor, header.point_format, header.scales, header.offsets)
    return found if (found.minor_version, found.point_format, found.scales, found.offsets) == here else None


def run(found: Plan, filters: Sequence[Callable[[], Filter]], folder: Path, step: Callable[[int], None]) -> int:
    """Write the file; the number of its points. ``step`` is told the number of each stage that begins.

    Raises
    ------
    TengunError
        What a stage refuses.
    """
    step(0)
    cloud = found.read()
    known = {name: cloud.attributes[name] for name in laz_layers.CONTEXT}
    for i, make in enumerate(filters, 1):
        step(i)
        cloud = make()(cloud)
    step(len(filters) + 1)
    options, view = found.options[1], View([cloud], (found.origin,))
    layout, splice = found.layout, found.splice
    path = folder / options["filename"]
    frame = las_write.Frame(path, layout.fields, np.array(layout.scales), np.array(layout.offsets), ())
    reference, vlrs = writers.reference_of([view], [cloud], options)
    records = [*las_write.new_records(layout.minor_version, reference, b""), *vlrs]
    chunks, summary = laz_layers.ChunkWriter(splice.record), _summary(cloud, layout)
    with staged(path) as stage, stage.open("wb") as stream:
        raw = las_write.new_header(layout.minor_version, frame, None)
        size = found.source.header.point_size
        out = Output(stream, True, raw, records, b"", layout.point_format, size, chunks=chunks)
        for n_points, parts in splice.chunks({"Classification": cloud.attributes["Classification"]}, known):
            step(len(filters) + 1)
            chunks.write(stream, n_points, parts)
            # the kind of time is that of the points which stand uncompressed at the chunks' beginnings
            summary.last_time = max(summary.last_time, struct.unpack_from("<d", parts[0], _TIME_AT)[0])
        out.finish((), summary.patch(layout.minor_version, layout.point_format, frame))
    return len(cloud)


def _summary(cloud: PointCloud, layout: Layout) -> las_write.Summary:
    """Extent and counts of the points, as their records have them."""
    summary, extremes, steps = las_write.Summary(), np.empty((3, 2)), np.empty(len(cloud), np.int32)
    for i, axis in enumerate((cloud.x, cloud.y, cloud.z)):
        las_kernels.quantise(axis, layout.scales[i], layout.offsets[i], steps, extremes[i])
    summary.low, summary.high = extremes.T
    summary.n_points = len(cloud)
    summary.by_return += np.bincount(cloud.attributes["ReturnNumber"].astype(np.uint8), minlength=16)
    return summary
