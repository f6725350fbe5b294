"""Which tile a file is: its map sheet (図郭), how it was surveyed and when.

The prefecture gives laser (LP), bathymetric (ALB) and mobile (MMS) files of one sheet the same name; they differ in
the folders they come in, such as ``2021/LP/Ground/08/ME/35/08ME3552.las``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Annotated, Final, Literal

from pydantic import StringConstraints
from sqlalchemy import Select

from api.records import DatasetRecord
from pointcloud.sheets import find

Method = Literal["LP", "ALB", "MMS", "UAV", "TLS"]
"""Airborne laser, bathymetric laser, mobile, drone, and a laser on a tripod."""

METHODS: Final[tuple[Method, ...]] = ("LP", "ALB", "MMS", "UAV", "TLS")
Epoch = Annotated[str, StringConstraints(pattern=r"^(19|20)\d\d(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$")]
"""A year, month or day, such as 2021 or 2021-07-03."""
SheetCode = Annotated[str, StringConstraints(pattern=r"^(0[1-9]|1[0-9])[A-Ta-t][A-Ha-h][0-9A-Ea-e]{0,4}$")]
"""A code of any level; it stands for all smaller sheets whose codes begin with it, too."""

_YEAR: Final = re.compile(r"(19|20)\d\d")
_BREAK: Final = re.compile(r"[^0-9A-Z]+")


@dataclass(frozen=True, slots=True)
class Tile:
    """Which tile a file is; what is not known is None."""

    sheet: str | None = None
    method: str | None = None
    epoch: str | None = None

    def __str__(self) -> str:
        return " ".join(part for part in (self.sheet, self.method, self.epoch) if part) or "-"

    def fits(self, wanted: Tile) -> bool:
        """Whether this is one of the tiles that ``wanted`` describes."""
        return (
            (wanted.sheet is None or (self.sheet or "").startswith(wanted.sheet))
            and wanted.method in (None, self.method)
            and (wanted.epoch is None or (self.epoch or "").startswith(wanted.epoch))
        )


def tile_of(path: str, stated: Tile | None = None) -> Tile:
    """What a file's name and folders say; ``stated`` counts for more.

    A method or year that is named twice, differently, is not known.
    """
    words = _BREAK.split(path.upper())
    codes = {sheet.code for sheet in find(PurePosixPath(path).name)}
    method = _only([word for word in words if word in METHODS])
    tile = Tile(_only(codes), method, _only([word for word in words if _YEAR.fullmatch(word)]))
    if stated is None:
        return tile
    known = {name: value for name in ("sheet", "method", "epoch") if (value := getattr(stated, name)) is not None}
    return replace(tile, **known)


def wanted_tile(sheet: str | None, method: str | None, epoch: str | None) -> Tile:
    """What a client looks for; codes count in either case."""
    return Tile(None if sheet is None else sheet.upper(), method, epoch)


def only_tiles(query: Select[DatasetRecord], wanted: Tile) -> Select[DatasetRecord]:
    """The query for the datasets that ``wanted`` describes; as `Tile.fits`."""
    if wanted.sheet is not None:
        query = query.where(DatasetRecord.sheet.startswith(wanted.sheet, autoescape=True))
    if wanted.method is not None:
        query = query.where(DatasetRecord.method == wanted.method)
    if wanted.epoch is not None:
        query = query.where(DatasetRecord.epoch.startswith(wanted.epoch, autoescape=True))
    return query


def _only(found: Sequence[str] | set[str]) -> str | None:
    return next(iter(found)) if len(set(found)) == 1 else None
