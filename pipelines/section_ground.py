"""The ground of a survey near a shape: what sections and measurements stand on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from pipelines.evidence import sha256
from pipelines.stages import LOOKED_AT, labelled, without_noise
from pointcloud.cloud import PointCloud
from pointcloud.dimensions import ClassCode
from pointcloud.errors import InputError
from pointcloud.io.las import LasInfo
from pointcloud.io.survey import Survey
from pointcloud.notes import Note
from pointcloud.sections.corridor import Corridor, corridor
from pointcloud.sections.cut import Surface
from pointcloud.sections.strips import WHOLE, ground_surface
from pointcloud.sections.top import top_surface

if TYPE_CHECKING:
    from pointcloud.ground.parameters import GroundParameters

GROUND_HALO = 75.0
"""Metres around the shape whose points the ground filter sees: four openings, the reach of its rule for decks.

`required_halo` is the bound that no survey can break; on the surveys at hand 60 m give the labels of the whole."""

WHOLE_SURVEY = 10_000_000
"""Points up to which a survey is read whole for the filter's parameters: then heights are those of its terrain."""

LOCAL_GROUND = Note(
    "ground-of-strip",
    "the ground was classified from the points near the line or places alone: where vegetation is dense, heights can "
    "differ by one or two decimetres from the terrain of the whole survey; classify the survey first (tengun ground) "
    "and use ground = file for the same heights everywhere",
    "地盤は線・地点の周辺の点のみから分類しました。植生の密な所では、点群全体から求めた地形と 1~2 dm 異なることが"
    "あります。同じ標高にそろえるには、先に点群全体を地盤分類し (tengun ground)、ground = file を指定してください。",
)

KEPT = (ClassCode.BUILDING, ClassCode.WIRE, ClassCode.BRIDGE_DECK)
"""Classes of the file that stay where the ground filter says "other"."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One survey near a shape.

    Parameters
    ----------
    name
        As results call it.
    survey
        Where it stems from.
    surface
        The ground.
    cloud, classes
        Its points there, and their ASPRS classes.
    files
        Its files that were read.
    top
        The surface of the highest points, None where it was not asked for.
    notes
        What readers of its heights should know.
    """

    name: str
    survey: Survey
    surface: Surface
    cloud: PointCloud
    classes: NDArray[np.uint8]
    files: tuple[LasInfo, ...]
    top: Surface | None = None
    notes: tuple[Note, ...] = ()


def ground_near(
    name: str,
    survey: Survey,
    shape: shapely.Geometry,
    near: float,
    ground: Literal["classify", "file"],
    max_gap: float,
    *,
    with_top: bool = False,
    is_compared: bool = False,
) -> Epoch:
    """The ground surface and the points within ``near`` metres of a shape, a little more where cells end.

    Parameters
    ----------
    name
        For messages and results.
    survey
        Its tiles; those beyond the shape are not opened.
    shape
        In the survey's CRS.
    near
        Metres.
    ground
        "classify" filters the ground of the shape and `GROUND_HALO` around it; "file" takes class 2 as it is.
    max_gap
        Metres from any point beyond which a surface is void.
    with_top
        Make the surface of the highest points too.
    is_compared
        The ground is to be held against another one on a grid: all of its network is needed.

    Raises
    ------
    InputError
        When the ground is to come from the file and has no class 2 there.
    """
    own = corridor(shape, near)
    notes: tuple[Note, ...] = ()
    if ground == "file":
        files, cloud = own.files(survey), own.read(survey, LOOKED_AT)
        classes = _classes(cloud)
        key = classes == ClassCode.GROUND
        if len(cloud) and not key.any():
            raise InputError(
                f"ground = 'file', but the points of '{name}' there have no class 2; use ground = 'classify'",
                f"ground = 'file' ですが、「{name}」のその範囲の点に分類 2 (地盤) がありません。ground = 'classify' と"
                "してください。",
                field="ground",
            )
    else:
        wide, parameters, files = _around(survey, corridor(shape, GROUND_HALO + near))
        cloud, classes, key = _classified(wide, own, parameters)
        notes = () if parameters else (LOCAL_GROUND,)
    with ThreadPoolExecutor(1) as thread:  # one surface is made beside the other, and beside what evidence asks for
        top = thread.submit(top_surface, cloud.x, cloud.y, cloud.z, classes, max_gap) if with_top else None
        ground_points = cloud.x[key], cloud.y[key], cloud.z[key]
        surface = ground_surface(*ground_points, max_gap, n_whole=len(cloud) if is_compared else WHOLE)
        for file in files:
            sha256(file.path)  # kept for the records of the result
        return Epoch(name, survey, surface, cloud, classes, files, None if top is None else top.result(), notes)


def _around(survey: Survey, reach: Corridor) -> tuple[PointCloud, GroundParameters | None, tuple[LasInfo, ...]]:
    """The points within reach, the filter's parameters for the whole survey, and the files that both stem from.

    No parameters where the survey is too large to be read for them.
    """
    from pointcloud.ground.parameters import survey_parameters

    if survey.n_points > WHOLE_SURVEY:
        return reach.read(survey, LOOKED_AT), None, reach.files(survey)
    whole = survey.read(dimensions=LOOKED_AT)
    return reach.of(whole), survey_parameters(without_noise(whole)), survey.files


def _classified(
    wide: PointCloud, own: Corridor, parameters: GroundParameters | None
) -> tuple[PointCloud, NDArray[np.uint8], NDArray[np.bool_]]:
    """The corridor's points of a wider cloud, their classes by the ground filter, and which are key points."""
    result = labelled(wide, parameters=parameters)
    inside = own.contains(wide.x, wide.y)
    given = _classes(wide)
    is_kept = np.isin(given, KEPT) & (result.labels == ClassCode.UNCLASSIFIED)
    classes = np.where(is_kept, given, result.labels)[inside]
    return wide.take(inside), classes, result.key_points[inside]


def _classes(cloud: PointCloud) -> NDArray[np.uint8]:
    return cloud.attributes.get("Classification", np.zeros(len(cloud), dtype=np.uint8)).astype(np.uint8)
