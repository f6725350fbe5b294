"""The synthetic valley: what stands in it, what the slide did, and surveys of it before and after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.errors import ParameterError
from pointcloud.grid import Grid, Raster
from pointcloud.synthetic import buildings, scanner
from pointcloud.synthetic.scanner import Kind, Returns, Targets
from pointcloud.synthetic.terrain import Movement, Terrain, empty_rows, parameters
from pointcloud.synthetic.trees import Stand, Trees, crown_rows, indexed, plant, stands

Epoch = Literal["before", "after"]

CENTRE: Final = (52_000.0, -98_000.0)
"""Easting and northing of the middle of every scene, metres of EPSG:6676 (plane rectangular zone VIII)."""
_CORE = 150.0
"""The reference point lies this far south of the middle: the hamlet, the slide and the bridge fill the middle 300 m."""
_ZONE_GROWTH = 1.08
"""A zone's outline is that of the movement grown by this factor, as somebody would draw it who sees the edge."""
_START = {"before": 2.6e8, "after": 3.1e8}
"""GpsTime (adjusted standard) of the first pulse."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A mass movement as a polygon: closed ring of (x, y) in the scene's CRS, exact volumes in m3, both positive."""

    name: str
    ring: list[tuple[float, float]]
    cut_m3: float
    fill_m3: float

    @property
    def net_m3(self) -> float:
        """Fill minus cut."""
        return self.fill_m3 - self.cut_m3


@dataclass(frozen=True, slots=True)
class Truth:
    """What is exactly known: volumes of the change, its zones, every tree, every stand.

    Outside the zones nothing changed, so the volumes are those of the whole scene. ``stands`` gives, for each
    stand, its ring of (x, y), species and age.
    """

    cut_m3: float
    fill_m3: float
    zones: tuple[Zone, ...]
    trees: Trees
    stands: tuple[tuple[Stand, list[tuple[float, float]]], ...]

    @property
    def net_m3(self) -> float:
        """Fill minus cut."""
        return self.fill_m3 - self.cut_m3

    def zones_geojson(self) -> dict[str, Any]:
        """The zones as a GeoJSON FeatureCollection, coordinates in EPSG:6676 (named in the old ``crs`` member)."""
        features = [
            {
                "type": "Feature",
                "properties": {"name": z.name, "cut_m3": z.cut_m3, "fill_m3": z.fill_m3, "net_m3": z.net_m3},
                "geometry": {"type": "Polygon", "coordinates": [[list(point) for point in z.ring]]},
            }
            for z in self.zones
        ]
        crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::6676"}}
        return {"type": "FeatureCollection", "name": "zones", "crs": crs, "features": features}


@dataclass(frozen=True, slots=True)
class SyntheticSurvey:
    """A survey and the truth of its points.

    Parameters
    ----------
    cloud
        Points with PDAL attributes, Classification 0, in order of flight; coordinates in whole centimetres.
    is_ground
        True where the pulse met the ground or the water's surface; shape (n,).
    kind
        Values of `Kind`, uint8, shape (n,).
    """

    cloud: PointCloud
    is_ground: NDArray[np.bool_]
    kind: NDArray[np.uint8]

    @property
    def is_noise(self) -> NDArray[np.bool_]:
        """True for multipath points below the ground and for birds."""
        return self.kind >= Kind.LOW_NOISE


@dataclass(frozen=True)
class Scene:
    """A valley that can be surveyed. Made by `valley`; cheap to hold, its trees are planted when first needed."""

    size_m: float
    seed: int
    density: float
    max_slope_deg: float
    movements: tuple[Movement, ...]

    @cached_property
    def crs(self) -> CRS:
        """JGD2011 / plane rectangular zone VIII."""
        return CRS.from_epsg(6676)

    @property
    def bounds(self) -> Bounds:
        """Extent of the scene in its CRS."""
        half = 0.5 * self.size_m
        return Bounds(CENTRE[0] - half, CENTRE[1] - half, CENTRE[0] + half, CENTRE[1] + half)

    @property
    def origin(self) -> tuple[float, float]:
        """Easting and northing of the valley's reference point, from which t and w are counted."""
        return CENTRE[0], CENTRE[1] - _CORE

    def surface(self, x: NDArray[np.float64], y: NDArray[np.float64], epoch: Epoch = "before") -> NDArray[np.float64]:
        """True height in metres of the ground, or of the water where it stands, at any places of the plane.

        Parameters
        ----------
        x, y
            Coordinates in the scene's CRS; shapes that broadcast to one another.
        epoch
            ``before`` or ``after`` the slide.
        """
        return self.terrain(epoch).at(np.asarray(x) - self.origin[0], np.asarray(y) - self.origin[1])[0]

    def surface_on(self, grid: Grid, epoch: Epoch = "before") -> Raster:
        """`surface` at the centres of a grid's cells."""
        x, y = grid.centres()
        return Raster(self.surface(x[np.newaxis, :], y[:, np.newaxis], epoch), grid)

    def terrain(self, epoch: Epoch) -> Terrain:
        """The ground in the valley's own coordinates."""
        ground = self._built[0]
        return ground if epoch == "before" else replace(ground, shapes=np.array([m.row() for m in self.movements]))

    @cached_property
    def truth(self) -> Truth:
        """Volumes, zones, trees and stands."""
        zones = tuple(
            Zone(m.name, self._ring(m.outline(_ZONE_GROWTH)), max(-m.volume_m3, 0.0), max(m.volume_m3, 0.0))
            for m in self.movements
        )
        rings = []
        for stand in self._stands:
            west, south, east, north = stand.extent
            corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
            rings.append((stand, self._ring(corners)))
        cut, fill = sum(z.cut_m3 for z in zones), sum(z.fill_m3 for z in zones)
        return Truth(cut, fill, zones, self._trees, tuple(rings))

    def survey(
        self,
        epoch: Epoch,
        *,
        density: float | None = None,
        seed: int = 0,
        bounds: Bounds | None = None,
        shift: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> SyntheticSurvey:
        """A survey of the scene, or of the part of it in ``bounds``: the same points, in the same order.

        Parameters
        ----------
        epoch
            ``before`` or ``after`` the slide; the pulses of the two have nothing in common.
        density
            Pulses a square metre (each with one to five returns); None takes the scene's.
        seed
            Another seed is another flight over the same valley.
        bounds
            Wanted points, half-open, in the scene's CRS.
        shift
            Rigid shift in metres added to every point, as a survey with an error of position has.

        Raises
        ------
        ParameterError
            When the density is not positive.
        """
        density = self.density if density is None else density
        _check("density", density, 0.01, 2000.0, "pulses/m2")
        wanted = self.bounds if bounds is None else self.bounds.intersection(bounds)
        if wanted is None:
            return self._assemble([])
        key, line_seed = np.random.SeedSequence([self.seed, seed, epoch == "after"]).generate_state(2, np.uint64)
        targets = self._targets_before if epoch == "before" else self._targets_after
        lines = scanner.flight_lines(self._extent, targets, density, int(line_seed), _START[epoch])
        limits = np.array([*wanted.as_tuple(), *self.origin, *shift])
        return self._assemble(list(scanner.fly(targets, lines, limits, int(key))))

    @cached_property
    def _built(self) -> tuple[Terrain, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Ground before the slide, structures, wires, pylons."""
        return buildings.build(Terrain(parameters(self.seed, self.max_slope_deg), empty_rows(7), empty_rows(5)))

    @cached_property
    def _stands(self) -> list[Stand]:
        return stands(self.seed, self._extent.as_tuple())

    @property
    def _extent(self) -> Bounds:
        """Extent of the scene in metres from the reference point."""
        half = 0.5 * self.size_m
        return Bounds(-half, _CORE - half, half, _CORE + half)

    @cached_property
    def _trees(self) -> Trees:
        """The tree list in the scene's CRS."""
        ground, _, _, pylons = self._built
        planted = [plant(stand, ground, self.seed) for stand in self._stands]
        columns = {name: np.concatenate([p[name] for p in planted]) for name in planted[0]}
        t, w = columns["x"], columns["y"]
        is_standing = ~np.logical_or.reduce([m.contains(t, w, 1.03) for m in self.movements])
        clear = np.logical_and.reduce([np.hypot(t - row[0], w - row[1]) > 6.0 for row in pylons])
        columns["x"], columns["y"] = t + self.origin[0], w + self.origin[1]
        return Trees(**columns, is_standing_after=is_standing).take(clear)

    @cached_property
    def _targets_before(self) -> Targets:
        return self._targets("before", self._trees)

    @cached_property
    def _targets_after(self) -> Targets:
        return self._targets("after", self._trees.take(self._trees.is_standing_after))

    def _targets(self, epoch: Epoch, trees: Trees) -> Targets:
        _, structures, wires, pylons = self._built
        rows = crown_rows(trees, trees.x - self.origin[0], trees.y - self.origin[1])
        crowns = indexed(np.vstack([rows, pylons]))
        return Targets.over(self._extent, self.terrain(epoch), structures, wires, crowns)

    def _ring(self, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(t + self.origin[0], w + self.origin[1]) for t, w in points]

    def _assemble(self, chunks: list[Returns]) -> SyntheticSurvey:
        """One survey of all chunks, which are freed on the way."""
        n = sum(c.xyzt.shape[0] for c in chunks)
        x, y, z, time = (np.empty(n) for _ in range(4))
        codes = [np.empty(n, dtype=d) for d in (np.uint16, *[np.uint8] * 4, np.int8, np.uint8)]
        line = np.empty(n, dtype=np.uint16)
        at = 0
        while chunks:
            chunk = chunks.pop(0)
            part = slice(at, at + chunk.xyzt.shape[0])
            x[part], y[part], z[part], time[part] = chunk.xyzt.T
            for column, values in zip(codes, chunk.codes.T, strict=True):
                column[part] = values - 90 if column.dtype == np.int8 else values
            line[part] = chunk.line
            at = part.stop
        intensity, number, total, direction, edge, angle, kind = codes
        attributes = {
            "Intensity": intensity, "ReturnNumber": number, "NumberOfReturns": total, "ScanDirectionFlag": direction,
            "EdgeOfFlightLine": edge, "Classification": np.zeros(n, np.uint8), "ScanAngleRank": angle,
            "PointSourceId": line, "GpsTime": time,
        }  # fmt: skip
        cloud = PointCloud(x, y, z, attributes, self.crs, VerticalDatum.JGD2011)
        return SyntheticSurvey(cloud, kind <= Kind.WATER, kind)


def valley(
    *,
    size_m: float = 300.0,
    seed: int = 1,
    density: float = 16.0,
    max_slope_deg: float = 40.0,
    scar_m3: float = 3500.0,
    deposit_m3: float = 2500.0,
) -> Scene:
    """A mountain valley with a stream, roads, terraces, a hamlet, plantations and a slide to come.

    Parameters
    ----------
    size_m
        Edge of the square scene, 300 m to 10 km; valleys repeat beyond.
    seed
        Decides everything that is random: roughness, trees, noise, errors.
    density
        Pulses a square metre of a survey.
    max_slope_deg
        Steepest slope of the western flank without roughness, road banks and walls; 15 to 55.
    scar_m3, deposit_m3
        Volumes lost and gained by the slide; the shapes keep their outline.

    Raises
    ------
    ParameterError
        When a value is outside its range.
    """
    _check("size_m", size_m, 300.0, 10_000.0, "m")
    _check("density", density, 0.01, 2000.0, "pulses/m2")
    _check("max_slope_deg", max_slope_deg, 15.0, 55.0, "degrees")
    _check("scar_m3", scar_m3, 1.0, 10_000.0, "m3")
    _check("deposit_m3", deposit_m3, 1.0, 10_000.0, "m3")
    scar = Movement("scar", -99.0, 95.0, 32.0, 18.0, -scar_m3)
    deposit = Movement("deposit", -34.0, 95.0, 18.0, 23.0, deposit_m3)
    return Scene(float(size_m), int(seed), float(density), float(max_slope_deg), (scar, deposit))


def _check(name: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value <= high:
        raise ParameterError(
            f"synthetic valley: {name} = {value}; allowed are {low:g} to {high:g} {unit}",
            f"合成地形の {name} = {value} は範囲外です。{low:g} ~ {high:g} ({unit}) を指定してください。",
            field=name,
            value=value,
        )
