"""What the changed ground means as material: patches, their balance, the stream, the dam, loose and compacted soil."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import shapely
from shapely import LineString

from pointcloud.change.patches import ChangePatch, Reach, chainage, change_patches, mass_balance
from pointcloud.change.swell import Swell, in_all_states, soil_class
from pointcloud.change.uncertainty import ErrorModel
from pointcloud.errors import OverlapError, ParameterError
from pointcloud.grid import Raster

if TYPE_CHECKING:
    from pipelines.processes.volume_parameters import VolumeParameters

NORMAL_95 = 1.959964
"""Half width of a 95 % interval in standard errors."""


@dataclass(frozen=True, slots=True)
class Material:
    """Patches by name (S1, S2 ... sources, D1 ... deposits, by falling volume) and what follows from them.

    Parameters
    ----------
    patches
        Name and patch; empty where no error model could be learnt.
    stream, reaches
        The line as given, and its stretches.
    dam, soil
        JSON-ready; None where not asked for.
    """

    patches: tuple[tuple[str, ChangePatch], ...]
    stream: LineString | None
    reaches: tuple[Reach, ...]
    dam: dict[str, Any] | None
    soil: dict[str, Any] | None

    def as_dict(self, parameters: VolumeParameters) -> dict[str, Any]:
        """JSON-ready, unrounded; without the polygons, which stand in the GeoPackage."""
        balance = mass_balance([patch for _, patch in self.patches])
        half = NORMAL_95 * balance.sigma_m3
        lost = {"lost_ci95_m3": [balance.lost_m3 - half, balance.lost_m3 + half]}
        return {
            "patches": [{"name": name, **patch.as_dict(), **_place(patch)} for name, patch in self.patches],
            "balance": {**asdict(balance), **lost} if self.patches else None,
            "stream": None if self.stream is None else _stream(self.stream, self.reaches, parameters),
            "dam": self.dam,
            "soil": self.soil,
        }


def material(
    change: Raster,
    error: ErrorModel | None,
    total: Mapping[str, Any],
    zones: Sequence[Mapping[str, Any]],
    stream: LineString | None,
    parameters: VolumeParameters,
) -> Material:
    """Patches of a change, and what else the parameters ask for.

    Parameters
    ----------
    change, error
        The difference (m) and its error model.
    total, zones
        Headline volumes, the zones' with their names.
    stream
        From the top downwards, in the raster's CRS.
    parameters
        Of the process.

    Raises
    ------
    OverlapError
        When the stream lies outside.
    ParameterError
        When the zone of the dam does not exist.
    """
    found = [] if error is None else change_patches(change, error)
    named = tuple((f"{kind[0].upper()}{i}", patch) for kind in ("source", "deposit")
                  for i, patch in enumerate((p for p in found if p.kind == kind), 1))  # fmt: skip
    reaches: tuple[Reach, ...] = ()
    if stream is not None:
        _refuse_outside(stream, change)
        if error is not None:
            reaches = tuple(chainage(change, error, stream, parameters.stream_step, parameters.stream_width / 2.0))
    dam = None if parameters.dam_capacity is None else _dam(named, zones, parameters.dam_capacity, parameters.dam_zone)
    return Material(named, stream, reaches, dam, _soil(total, zones, parameters))


def _place(patch: ChangePatch) -> dict[str, Any]:
    """A point inside the patch, so that it can be found on a map."""
    point = patch.polygon.representative_point()
    return {"easting_m": point.x, "northing_m": point.y}


def _stream(line: LineString, reaches: Sequence[Reach], parameters: VolumeParameters) -> dict[str, Any]:
    return {
        "length_m": float(line.length),
        "step_m": parameters.stream_step,
        "width_m": parameters.stream_width,
        "reaches": [asdict(reach) for reach in reaches],
    }


def _dam(
    patches: Sequence[tuple[str, ChangePatch]], zones: Sequence[Mapping[str, Any]], capacity: float, name: str | None
) -> dict[str, Any]:
    """The deposit of a zone, or of all patches, held against the capacity of a dam."""
    if name is None:
        deposits = [patch for _, patch in patches if patch.kind == "deposit"]
        deposit = sum(patch.volume_m3 for patch in deposits)
        half = NORMAL_95 * sum(patch.sigma_m3**2 for patch in deposits) ** 0.5
        interval: list[float] | None = [max(deposit - half, 0.0), deposit + half]
    else:
        zone = next((z for z in zones if z["name"] == name), None)
        if zone is None:
            known = [str(z["name"]) for z in zones]
            raise ParameterError(
                f"volume: dam_zone = '{name}' is none of the zones ({', '.join(known) or 'there are none'})",
                f"dam_zone「{name}」という区域はありません (区域: {', '.join(known) or 'なし'})。",
                field="dam_zone",
                candidates=known,
            )
        deposit, interval = zone["fill_m3"], zone["fill_ci95_m3"]
    return {
        "zone": name,
        "capacity_m3": capacity,
        "deposit_m3": deposit,
        "deposit_ci95_m3": interval,
        "share": deposit / capacity,
        "left_m3": max(capacity - deposit, 0.0),
        "over_m3": max(deposit - capacity, 0.0),
    }


def _soil(
    total: Mapping[str, Any], zones: Sequence[Mapping[str, Any]], parameters: VolumeParameters
) -> dict[str, Any] | None:
    """Bank, loose and compacted volumes of every headline; the measured volume is taken as bank."""
    soil = _ratios(parameters)
    if soil is None:
        return None
    rows = []
    for row in ({"name": None, **total}, *zones):
        for kind in ("cut", "fill"):
            states = in_all_states(row[f"{kind}_m3"], soil)
            record = {"zone": row["name"], "kind": kind, **states.as_dict()}
            del record["soil"]
            trucks = None if parameters.truck_m3 is None else states.trucks(parameters.truck_m3)
            rows.append({**record, "trucks": trucks})
    return {"class": asdict(soil), "truck_m3": parameters.truck_m3, "volumes": rows}


def _ratios(parameters: VolumeParameters) -> Swell | None:
    """The soil class of the table, with the ratios measured on site where they are given."""
    base = None if parameters.soil is None else soil_class(parameters.soil)
    loose, compacted = parameters.loose_ratio, parameters.compacted_ratio
    if loose is None or compacted is None:
        return base
    stated = "利用者の指定 stated by the user"
    if base is None:
        return Swell("measured", "現場測定", "measured on site", loose, compacted, stated, stated)
    return replace(base, loose=loose, compacted=compacted, source=stated, status=stated)


def _refuse_outside(stream: LineString, change: Raster) -> None:
    box = shapely.box(*change.grid.bounds.as_tuple())
    if not stream.intersects(box):
        raise OverlapError(
            f"volume: the stream line (E {stream.bounds[0]:.0f}-{stream.bounds[2]:.0f}, N {stream.bounds[1]:.0f}-"
            f"{stream.bounds[3]:.0f}) lies outside the common area of the surveys; check its reference system",
            f"流路の線 (E {stream.bounds[0]:.0f}-{stream.bounds[2]:.0f}、N {stream.bounds[1]:.0f}-"
            f"{stream.bounds[3]:.0f}) は前後の測量の共通範囲外です。座標系を確認してください。",
            field="stream",
        )
