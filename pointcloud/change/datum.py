"""Guard of the height systems of two surveys: a change of the system must never pass for a change of the ground.

Heights of Japan were revised on 2025-04-01 (測地成果2024); positions were not. One survey in JGD2011 and one in
JGD2024 differ by a few centimetres to decimetres everywhere, which looks like cut or fill of the whole area.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointcloud.cloud import PointCloud, VerticalDatum
from pointcloud.errors import CrsError, FileError, OverlapError
from pointcloud.notes import Note

REVISION = date(2025, 4, 1)
"""Day from which public surveys give heights of JGD2024."""

USUAL_SHIFT = 0.14
"""Metres between heights by the geoid models before and after, median over Shizuoka (0.03 to 0.20); elsewhere it
differs. For the warning only, never for a correction."""

HECTARE = 10_000.0
LATTICE = 250.0
"""Metres between the places where a correction grid (of some 900 m) is read; between them it is bilinear too."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HeightSystem:
    """What the heights of one survey refer to.

    Parameters
    ----------
    datum
        As the file or the user says.
    surveyed
        Date of the survey, None where not known.
    """

    datum: VerticalDatum
    surveyed: date | None = None


def false_volume(shift_m: float, area_m2: float) -> float:
    """Cubic metres that a height shift fakes over an area."""
    return shift_m * area_m2


def check_heights(before: HeightSystem, after: HeightSystem, *, is_same_stated: bool = False) -> tuple[Note, ...]:
    """What a user should know about the two height systems; nothing where both are known and alike.

    Parameters
    ----------
    before, after
        Of the two surveys, after any correction by ``to_jgd2024``.
    is_same_stated
        The user states that both have the same height system, whatever the files say or do not say. A known
        difference between levelled and ellipsoidal heights is refused all the same.

    Raises
    ------
    CrsError
        When the systems differ, or when they are not known and the surveys lie on both sides of the revision.
    """
    pair = {before.datum, after.datum}
    if VerticalDatum.ELLIPSOIDAL in pair and len(pair) > 1 and not (is_same_stated and VerticalDatum.UNKNOWN in pair):
        raise _ellipsoidal(before.datum, after.datum)
    if before.datum is after.datum and before.datum is not VerticalDatum.UNKNOWN:
        return ()
    if is_same_stated:
        return (_stated(),)
    if VerticalDatum.UNKNOWN not in pair:
        raise _mixed(f"{before.datum} / {after.datum}")
    old_or_new = [_side(s) for s in (before, after)]
    if None not in old_or_new and old_or_new[0] != old_or_new[1]:
        raise _mixed(f"{_words(before)} / {_words(after)}")
    return (_unknown(),)


def read_correction(path: Path, to_geographic: Callable[[Floats, Floats], tuple[Floats, Floats]]) -> HeightCorrection:
    """A height correction from a parameter file of the Geospatial Information Authority (``hyokorev..._h.par``).

    Parameters
    ----------
    path
        File in the format PatchJGD(標高), which the user brings.
    to_geographic
        From easting and northing to longitude and latitude in degrees, for example
        ``pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform``: the same datum, so that
        nothing but the projection is undone.

    Raises
    ------
    FileError
        When the file cannot be read as such a grid.
    """
    import jgdtrans

    try:
        with path.open(encoding="utf-8", errors="replace") as file, warnings.catch_warnings():
            warnings.simplefilter("error")
            grid = jgdtrans.load(file, format="PatchJGD_H")
    except (OSError, ValueError, jgdtrans.error.Error, Warning) as error:
        raise _unreadable(path) from error
    if not grid.data.parameter:
        raise _unreadable(path)
    return HeightCorrection(grid, to_geographic)


@dataclass(frozen=True, slots=True)
class HeightCorrection:
    """Height of JGD2024 less height of JGD2011, from a parameter grid."""

    grid: object
    to_geographic: Callable[[Floats, Floats], tuple[Floats, Floats]]

    def at(self, x: Floats, y: Floats) -> Floats:
        """Metres to add to heights of JGD2011 at eastings and northings.

        Raises
        ------
        OverlapError
            When a place lies outside the grid.
        """
        if x.size == 0:
            return np.zeros(0)
        from scipy.interpolate import RegularGridInterpolator

        nodes = [_nodes(v) for v in (x, y)]
        east, north = np.meshgrid(*nodes, indexing="ij")
        longitude, latitude = self.to_geographic(east.ravel(), north.ravel())
        values = [self._read(float(a), float(o)) for a, o in zip(latitude, longitude, strict=True)]
        between = RegularGridInterpolator(tuple(nodes), np.reshape(values, east.shape))
        return np.asarray(between(np.column_stack((x, y))), dtype=np.float64)

    def to_jgd2024(self, cloud: PointCloud) -> PointCloud:
        """A survey in JGD2011 with heights of JGD2024.

        Raises
        ------
        CrsError
            When the survey's heights are not of JGD2011.
        OverlapError
            When it reaches beyond the grid.
        """
        if cloud.vertical_datum is not VerticalDatum.JGD2011:
            raise CrsError(
                f"height correction: the survey's heights are {cloud.vertical_datum}; the grid corrects JGD2011 only",
                f"標高補正: 測量の高さの基準が {cloud.vertical_datum} です。補正できるのは JGD2011 の標高だけです。",
                value=str(cloud.vertical_datum),
            )
        return replace(cloud, z=cloud.z + self.at(cloud.x, cloud.y), vertical_datum=VerticalDatum.JGD2024)

    def _read(self, latitude: float, longitude: float) -> float:
        import jgdtrans

        try:
            return float(self.grid.forward_corr(latitude, longitude).altitude)  # type: ignore[attr-defined]
        except (jgdtrans.ParameterNotFoundError, jgdtrans.PointOutOfBoundsError, ValueError) as error:
            raise OverlapError(
                f"height correction: the parameter grid has no value at {latitude:.4f} N, {longitude:.4f} E; use the "
                "file that covers the survey",
                f"標高補正: 北緯 {latitude:.4f}、東経 {longitude:.4f} に補正パラメータがありません。"
                "測量範囲を含むファイルを使用してください。",
                value=[latitude, longitude],
            ) from error


def _nodes(values: Floats) -> Floats:
    low, high = float(values.min()), float(values.max())
    return np.linspace(low, high + 1e-3, max(2, int(np.ceil((high - low) / LATTICE)) + 1))


def _side(system: HeightSystem) -> str | None:
    """Whether heights are surely of before the revision ("old"), probably of after ("new"), or neither is known."""
    if system.datum in (VerticalDatum.JGD2000, VerticalDatum.JGD2011):
        return "old"
    if system.datum is VerticalDatum.JGD2024:
        return "new"
    if system.surveyed is None:
        return None
    return "old" if system.surveyed < REVISION else "new"


def _words(system: HeightSystem) -> str:
    return f"{system.datum} ({system.surveyed or 'date unknown'})"


def _mixed(what: str) -> CrsError:
    volume = false_volume(USUAL_SHIFT, HECTARE)
    return CrsError(
        f"volume: the height systems of the surveys are {what}; heights were revised on {REVISION} (JGD2024), and in "
        f"Shizuoka some {USUAL_SHIFT:.2f} m between the systems would fake {volume:,.0f} m3 a hectare; give the "
        "correction grid (hyokorevBM_jgd2024_h.par), or state that both have one height system: same_heights=true "
        "(command line: --same-heights)",
        f"前後の高さの基準が {what} です。標高は {REVISION} に改定されており (測地成果2024)、静岡県では約 "
        f"{USUAL_SHIFT:.2f} m の差が 1 ha あたり {volume:,.0f} m3 の見かけの土量になります。補正パラメータ "
        "(hyokorevBM_jgd2024_h.par) を指定するか、両方が同じ基準なら same_heights=true "
        "(コマンドでは --same-heights) を指定してください。",
        value=what,
    )


def _ellipsoidal(before: VerticalDatum, after: VerticalDatum) -> CrsError:
    return CrsError(
        f"volume: heights are {before} before and {after} after; ellipsoidal heights lie 34-45 m above levelled ones "
        "in Japan (400,000 m3 a hectare); bring both into one height system first",
        f"前後の高さの基準が異なります (前 {before}、後 {after})。楕円体高は標高より 34~45 m 高く、"
        "1 ha あたり約 40 万 m3 の見かけの土量になります。同じ高さの基準に変換してください。",
        value=[str(before), str(after)],
    )


def _stated() -> Note:
    return Note(
        "heights-stated",
        "that both surveys have one height system is the user's statement",
        "前後の高さの基準が同じであることは利用者の申告によります。",
    )


def _unknown() -> Note:
    volume = false_volume(USUAL_SHIFT, HECTARE)
    return Note(
        "heights-unknown",
        "the height system of at least one survey is not known; if one is of before and one of after the revision of "
        f"{REVISION}, some {volume:,.0f} m3 a hectare are not real (unless alignment took them out)",
        f"少なくとも一方の測量の高さの基準が不明です。{REVISION} の標高改定の前後が混在している場合、"
        f"位置合わせで除かれない限り 1 ha あたり約 {volume:,.0f} m3 の見かけの土量が含まれます。",
    )


def _unreadable(path: Path) -> FileError:
    return FileError(
        f"{path.name}: not a parameter file of the format PatchJGD (heights); get hyokorevBM_jgd2024_h.par from the "
        "Geospatial Information Authority of Japan",
        f"{path.name} は PatchJGD(標高) 形式のパラメータファイルではありません。"
        "国土地理院の hyokorevBM_jgd2024_h.par を使用してください。",
        file=path.name,
    )
