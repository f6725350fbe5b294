"""Parameters of ``volume-epochs``."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipelines.processes.terrain import SurfaceParameters
from pipelines.processes.volume_parameters import HEIGHTS, Datum
from pointcloud.change.dated import in_order
from pointcloud.errors import ParameterError

MAX_EPOCHS = 60


class EpochEntry(BaseModel):
    """One survey: when it was made, what it is called, and how many of the files given are its tiles."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    surveyed: date = Field(title="Survey date / 測量日")
    label: str = Field("", max_length=60, title="Name / 名称", description="None: the date / 省略時は測量日")
    datum: Datum | None = Field(None, title="Heights / 高さの基準", description=HEIGHTS)
    files: int = Field(
        1, ge=1, le=10_000, title="Files / ファイル数",
        description="So many of the surveys given, in their order, are tiles of this one / この測量に属する入力の数",
    )  # fmt: skip

    @property
    def name(self) -> str:
        """What it is called."""
        return self.label or self.surveyed.isoformat()


class EpochsParameters(SurfaceParameters):
    """Parameters of ``volume-epochs``."""

    epochs: tuple[EpochEntry, ...] = Field(
        min_length=2, max_length=MAX_EPOCHS, title="Epochs / 時期",
        description="One for each survey, in the order of the input; put in order by date / 入力と同じ順に 1 件ずつ",
        examples=[[{"surveyed": "2009-06-01"}, {"surveyed": "2019-12-01"}, {"surveyed": "2021-07-06"}]],
    )  # fmt: skip
    pairs: Literal["chain", "all"] = Field(
        "chain", title="Pairs / 比較する組",
        description="chain: neighbours, and each with the first; all: every pair / chain: 隣り合う時期と最初の時期、"
        "all: すべての組",
    )  # fmt: skip
    further_pairs: tuple[tuple[str, str], ...] = Field(
        (), max_length=200, title="Further pairs / 追加の組",
        description="Names of two epochs, the earlier one first / 時期の名称 2 つ (古い順)",
        examples=[[["2009-06-01", "2021-07-06"]]],
    )  # fmt: skip
    align: Literal["auto", "none"] = Field(
        "auto", title="Alignment / 位置合わせ",
        description="auto: each survey is brought onto the first where its shift is significant; none: as they are "
        "/ auto: 有意なずれがあれば最初の測量に合わせる。none: 補正しない",
    )  # fmt: skip
    same_heights: bool = Field(
        False, title="Same height system / 高さの基準は同じ",
        description="You state that all surveys have one height system / 全時期の高さの基準が同じと申告する",
    )  # fmt: skip
    fill_zone: str | None = Field(
        None, max_length=200, title="Zone of a fill / 盛土の区域",
        description="What was placed, moved and is left inside this zone / この区域の盛土の搬入・流出・残存量を求める",
    )  # fmt: skip
    fill_epochs: tuple[str, str, str] | None = Field(
        None, title="Epochs of the fill / 盛土の時期",
        description="Before it, with it, after it moved; not needed for three surveys "
        "/ 盛土前・盛土後・流出後の名称。3 時期なら不要",
    )  # fmt: skip
    project: str = Field("", max_length=80, title="Project / 業務名", description="On the papers / 帳票に記載")

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        """Refuse epochs that cannot be told apart and pairs of epochs that do not exist, before a point is read."""
        names = [entry.name for entry in in_order(self.epochs)]
        for pair in self.further_pairs:
            _refuse_unordered("further_pairs", pair, names)
        if self.fill_epochs is not None:
            _refuse_unordered("fill_epochs", self.fill_epochs, names)
        if self.fill_zone is not None and self.fill_epochs is None and len(names) != 3:
            raise ParameterError(
                f"epochs: fill_zone with {len(names)} surveys needs fill_epochs: three of {', '.join(names)}",
                f"測量が {len(names)} 件のとき fill_zone には fill_epochs が必要です ({'、'.join(names)} から 3 つ)。",
                field="fill_epochs",
            )
        return self

    def filled(self) -> tuple[str, str, str] | None:
        """Names of the epochs before the fill, with it, and after it moved; None where no fill is asked for."""
        if self.fill_zone is None:
            return None
        first, middle, last = self.fill_epochs or [entry.name for entry in in_order(self.epochs)]
        return first, middle, last


def _refuse_unordered(field: str, chosen: tuple[str, ...], names: list[str]) -> None:
    places = [names.index(name) for name in chosen if name in names]
    if len(places) < len(chosen) or places != sorted(set(places)):
        raise ParameterError(
            f"epochs: {field} = {', '.join(chosen)}; expected names of different epochs, the earlier one first: "
            f"{', '.join(names)}",
            f"{field} = {'、'.join(chosen)} が不正です。異なる時期の名称を古い順に指定してください: {'、'.join(names)}",
            field=field,
            candidates=names,
        )
