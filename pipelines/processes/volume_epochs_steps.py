"""The steps of ``volume-epochs``: surveys opened and aligned, pairs compared, sums checked, a fill's ledger kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import combinations, islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.evidence import crs_name, software
from pipelines.processes.volume import aligned, epoch_of
from pipelines.processes.volume_comparison import Comparison, compare
from pipelines.processes.volume_epochs_ledger import Ledger
from pipelines.processes.volume_epochs_parameters import EpochEntry, EpochsParameters
from pipelines.processes.volume_inputs import (
    Given,
    check_same_crs,
    check_zones,
    extra_records,
    height_correction,
    reconcile_heights,
    refuse_few,
    shared_grid,
    with_datum,
    zones_of,
)
from pipelines.processes.volume_result import HEADLINE, SIGN, STATE, Epoch, epoch_record, outline
from pointcloud.change import epochs as chain
from pointcloud.change.align import Alignment
from pointcloud.change.dated import in_order
from pointcloud.errors import ParameterError
from pointcloud.io.survey import open_survey
from pointcloud.io.vector import Zone

Names = tuple[str, str]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dated:
    """An epoch of the series: its surfaces, its date, and how it was brought onto the first (None for that one)."""

    epoch: Epoch
    surveyed: date
    alignment: Alignment | None

    def in_chain(self) -> chain.Epoch:
        """Its terrain, as `pointcloud.change.epochs` takes it."""
        return chain.Epoch(self.epoch.name, self.surveyed, self.epoch.surfaces.terrain)


def open_epochs(inputs: Mapping[str, Sequence[Path]], parameters: EpochsParameters) -> Given:
    """The surveys by date and the zones, checked.

    Raises
    ------
    ParameterError
        When the number of files is not that of the epochs, or the fill's zone does not exist.
    InputError
        Where an input cannot be used, or they do not belong together.
    """
    entries = dict(_files_of(inputs["surveys"], parameters.epochs))
    surveys = {}
    for entry in in_order(parameters.epochs):
        survey = open_survey(entries[entry.name], parameters.crs)
        refuse_few(entry.name, survey)
        surveys[entry.name] = with_datum(entry.name, survey, entry.datum)
    check_same_crs(surveys)
    crs = next(iter(surveys.values())).crs
    correction = height_correction(inputs, crs)
    dates = {entry.name: entry.surveyed for entry in parameters.epochs}
    corrected, notes = reconcile_heights(surveys, dates, correction, is_same_stated=parameters.same_heights)
    zones, zone_notes = zones_of(inputs, crs)
    _refuse_unknown_zone(parameters.fill_zone, zones)
    return Given(surveys, correction, corrected, zones, None, None, extra_records(inputs), notes + zone_notes)


def surfaces_of(given: Given, parameters: EpochsParameters, report: Callable[[float], None]) -> dict[str, Dated]:
    """Each epoch's surfaces on the grid that all share, the later ones brought onto the first.

    Raises
    ------
    OverlapError
        When the surveys have no place in common.
    ParameterError
        When a survey lies too far from the first.
    """
    grid = shared_grid(given.surveys, parameters.cell)
    check_zones(given.zones, grid)
    dates = {entry.name: entry.surveyed for entry in parameters.epochs}
    n, max_gap = len(given.surveys), parameters.max_gap
    found: dict[str, Dated] = {}
    first: Epoch | None = None
    for i, name in enumerate(given.surveys):

        def share(done: float, i: int = i) -> None:
            report((i + 0.8 * done) / n)

        epoch = epoch_of(name, given, grid, max_gap, share)
        alignment = None
        if first is None:
            first = epoch
        else:
            alignment, epoch = aligned(first, epoch, parameters.align, max_gap)
        found[name] = Dated(_light(epoch), dates[name], alignment)
    return found


def wanted_pairs(names: Sequence[str], parameters: EpochsParameters) -> list[Names]:
    """Neighbours in time, then each with the first, then what else is asked for; each pair once."""
    pairs = [*pairwise(names), *((names[0], name) for name in islice(names, 2, None))]
    pairs += combinations(names, 2) if parameters.pairs == "all" else parameters.further_pairs
    filled = parameters.filled()
    pairs += combinations(filled, 2) if filled else ()
    return list(dict.fromkeys(pairs))


def compare_pairs(
    pairs: Sequence[Names], epochs: Mapping[str, Dated], zones: Sequence[Zone]
) -> Iterator[tuple[Names, Comparison]]:
    """Each pair's comparison, one after the other, so that only one is held."""
    for names in pairs:
        early, late = (epochs[name] for name in names)
        left = left_between(early.alignment, late.alignment)
        yield names, compare(early.epoch.surfaces, late.epoch.surfaces, left, zones)


def pair_record(names: Names, compared: Comparison) -> dict[str, Any]:
    """A comparison, JSON-ready, unrounded."""
    return {
        "before": names[0],
        "after": names[1],
        "total": compared.total,
        "zones": compared.named_zones(),
        "uncertainty": None if compared.error is None else compared.error.as_dict(),
        "notes": [note.as_dict() for note in compared.notes],
    }


def left_between(early: Alignment | None, late: Alignment | None) -> Floats | None:
    """What alignment may have left between two epochs, each brought onto the first, metres; None where one was not.

    The two errors are joined as if they had nothing to do with each other. They share the first survey's part, which
    partly cancels in the pair: the result is on the safe side.
    """
    parts = [np.zeros(3) if one is None else one.left for one in (early, late)]
    known = [part for part in parts if part is not None]
    return np.hypot(known[0], known[1]) if len(known) == 2 else None


def close(epochs: Mapping[str, Dated]) -> dict[str, Any]:
    """Whether the steps add up to the whole, cell by cell, JSON-ready."""
    series = [one.in_chain() for one in epochs.values()]
    found = chain.check_chain(chain.steps(series))
    return {**asdict(found), "open_area_m2": found.open_cells * series[0].terrain.grid.cell_area}


def ledger_of(epochs: Mapping[str, Dated], given: Given, parameters: EpochsParameters) -> Ledger | None:
    """The ledger of the fill, empty, where one is asked for."""
    names = parameters.filled()
    if names is None:
        return None
    zone = next(zone for zone in given.zones if zone.name == parameters.fill_zone)
    terrains = {name: epochs[name].epoch.surfaces.terrain for name in names}
    return Ledger(zone.name, zone.polygon, terrains)


def summarise(
    given: Given,
    epochs: Mapping[str, Dated],
    records: Sequence[dict[str, Any]],
    closure: dict[str, Any],
    fill: dict[str, Any] | None,
    parameters: EpochsParameters,
) -> dict[str, Any]:
    """Content of epochs.json."""
    names, grid = list(epochs), next(iter(epochs.values())).epoch.surfaces.terrain.grid
    by_pair = {(record["before"], record["after"]): record for record in records}
    zones = [None, *(zone.name for zone in given.zones)]
    notes = given.notes + check_zones(given.zones, grid)
    return {
        "schema": "tengun/epochs/1",
        "epochs": [
            {**epoch_record(e.epoch, e.surveyed), "alignment": None if e.alignment is None else e.alignment.as_dict()}
            for e in epochs.values()
        ],
        "inputs": given.records,
        "crs": crs_name(next(iter(given.surveys.values())).crs),
        "cell_m": grid.cell,
        "outlines": [{"name": zone.name, **outline(zone)} for zone in given.zones],
        "series": [{"zone": zone, "rows": _series(zone, names, by_pair)} for zone in zones],
        "pairs": list(records),
        "closure": {**closure, "nets": [_closed(zone, names, by_pair) for zone in zones]},
        "fill": fill,
        "headline": HEADLINE,
        "sign": SIGN,
        "state": STATE,
        "notes": [note.as_dict() for note in notes],
        "parameters": parameters.model_dump(mode="json"),
        "software": software(),
    }


def _files_of(paths: Sequence[Path], entries: Sequence[EpochEntry]) -> Iterator[tuple[str, Sequence[Path]]]:
    """The files of each epoch."""
    wanted = sum(entry.files for entry in entries)
    if wanted != len(paths):
        raise ParameterError(
            f"epochs: {len(paths)} surveys given, but the epochs have {wanted}; give one date for each survey (a "
            "folder of tiles counts as one; files says how many belong to an epoch)",
            f"点群の入力は {len(paths)} 件ですが、時期の指定は {wanted} 件分です。測量ごとに日付を 1 つ指定して"
            "ください (フォルダは 1 件、複数ファイルは files で指定)。",
            field="epochs",
            value=len(paths),
        )
    rest = iter(paths)
    for entry in entries:
        yield entry.name, list(islice(rest, entry.files))


def _refuse_unknown_zone(name: str | None, zones: Sequence[Zone]) -> None:
    known = [zone.name for zone in zones]
    if name is not None and name not in known:
        raise ParameterError(
            f"epochs: fill_zone = '{name}' is none of the zones ({', '.join(known) or 'there are none'})",
            f"fill_zone「{name}」という区域はありません (区域: {', '.join(known) or 'なし'})。",
            field="fill_zone",
            candidates=known,
        )


def _light(epoch: Epoch) -> Epoch:
    """The epoch without the points that only an alignment looks at: many epochs are held at once."""
    nothing = epoch.surfaces.ground_points.take(np.empty(0, dtype=np.intp))
    return replace(epoch, surfaces=replace(epoch.surfaces, ground_points=nothing))


def _volume_of(zone: str | None, record: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = record["total"]
    if zone is not None:
        found = next(row for row in record["zones"] if row["name"] == zone)
    return found


_PRINTED = ("cut_m3", "fill_m3", "net_m3", "cut_ci95_m3", "fill_ci95_m3", "net_ci95_m3", "area_m2")


def _series(zone: str | None, names: Sequence[str], by_pair: Mapping[Names, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each epoch after the first: what changed since the one before, and since the first."""
    rows = []
    for before, after in pairwise(names):
        parts = {"since_previous": by_pair[before, after], "since_first": by_pair[names[0], after]}
        volumes = {k: {f: _volume_of(zone, record)[f] for f in _PRINTED} for k, record in parts.items()}
        rows.append({"epoch": after, "previous": before, **volumes})
    return rows


def _closed(zone: str | None, names: Sequence[str], by_pair: Mapping[Names, Mapping[str, Any]]) -> dict[str, Any]:
    """Plain nets of the steps and of the whole; they differ only where a survey in between has a void."""

    def net(pair: Names) -> float:
        row = _volume_of(zone, by_pair[pair])
        return float(row["account"]["raw"]["net_m3"] if "account" in row else row["net_m3"])

    total, whole = sum(net(pair) for pair in pairwise(names)), net((names[0], names[-1]))
    return {"zone": zone, "steps_net_m3": total, "whole_net_m3": whole, "difference_m3": total - whole}
