"""Parameters of ``volume-change``."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from pipelines.processes.ground import GroundOptions
from pipelines.processes.terrain import SurfaceParameters
from pointcloud.errors import ParameterError

Datum = Literal["JGD2000", "JGD2011", "JGD2024", "ellipsoidal"]
Soil = Literal[
    "gravelly", "gravelly_undivided", "sand", "sandy", "clayey", "clayey_wet", "bouldery", "soft_rock_1",
    "soft_rock_2", "medium_rock", "hard_rock_1", "sandy_gravelly_undivided", "clayey_undivided",
]  # fmt: skip

HEIGHTS = "What the heights refer to, where the file does not say / ファイルに記載がない場合の高さの基準"
DATE = "For the height system and the report / 高さの基準の判定と帳票に使用"


class VolumeParameters(SurfaceParameters):
    """Parameters of ``volume-change``."""

    align: Literal["auto", "none"] = Field(
        "auto",
        title="Alignment / 位置合わせ",
        description="auto: shift between the surveys found on stable ground and taken out where it is significant; "
        "none: as they are / auto: 不動域からずれを求め、有意なら補正。none: 補正しない",
    )
    before_date: date | None = Field(None, title="Survey date before / 変化前の測量日", description=DATE)
    after_date: date | None = Field(None, title="Survey date after / 変化後の測量日", description=DATE)
    before_datum: Datum | None = Field(None, title="Heights before / 変化前の高さの基準", description=HEIGHTS)
    after_datum: Datum | None = Field(None, title="Heights after / 変化後の高さの基準", description=HEIGHTS)
    same_heights: bool = Field(
        False,
        title="Same height system / 高さの基準は同じ",
        description="You state that both surveys have the same height system / 前後の高さの基準が同じと申告する",
    )
    end_area_interval: float = Field(
        20.0,
        gt=0,
        le=1000,
        title="Interval of end areas / 平均断面法の測点間隔",
        description="Metres between the sections of the average-end-area method / 平均断面法の測点間隔 (m)",
    )
    stream_step: float = Field(
        20.0,
        gt=0,
        le=1000,
        title="Stretch of the stream / 流路の区間長",
        description="Metres of a stretch of the chainage diagram / 追加距離図の区間長 (m)",
    )
    stream_width: float = Field(
        50.0,
        gt=0,
        le=2000,
        title="Width of the stream / 流路の幅",
        description="Whole width (m) around the stream line that counts / 流路として集計する全幅 (m)",
    )
    dam_capacity: float | None = Field(
        None,
        gt=0,
        le=1e9,
        title="Dam capacity / 堰堤の容量",
        description="Held against the deposit, m3 / 堆積土量と比べる容量 (m3)",
    )
    dam_zone: str | None = Field(
        None,
        max_length=200,
        title="Zone of the dam / 堰堤の区域",
        description="Zone whose fill is the deposit; none: all deposits / 堆積を測る区域名。なければ全堆積",
    )
    soil: Soil | None = Field(
        None,
        title="Soil class / 土質",
        description="For loose and compacted volumes (土量変化率) / ほぐし・締固め土量の計算に用いる土質",
    )
    loose_ratio: float | None = Field(
        None,
        gt=0,
        le=5,
        title="L",
        description="Loose over bank, measured on site; goes before the table / 現場で測定した L。表より優先",
    )
    compacted_ratio: float | None = Field(
        None,
        gt=0,
        le=5,
        title="C",
        description="Compacted over bank, measured on site; goes before the table / 現場で測定した C。表より優先",
    )
    truck_m3: float | None = Field(
        None,
        gt=0,
        le=1000,
        title="Truck / 運搬車 1 台の積載土量",
        description="Loose soil that a truck takes, m3 / ほぐした土量 (m3)",
    )
    options: GroundOptions = Field(
        default_factory=dict,
        title="Options / オプション",
        description="Options of the stages 'ground_before' and 'ground_after' of the document change, as tengun "
        "pipeline run --set takes them; what is not set follows from the data / 地盤分類の設定 (タグ ground_before、"
        "ground_after)。指定しないものはデータから決まります",
        examples=[{"ground_before.window": 30.0, "ground_after.window": 30.0}],
    )
    project: str = Field("", max_length=80, title="Project / 業務名", description="On the papers / 帳票に記載")

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        """Refuse statements that contradict each other, before a point is read."""
        if self.before_date and self.after_date and self.before_date > self.after_date:
            raise ParameterError(
                f"volume: before_date {self.before_date} is later than after_date {self.after_date}; the surveys seem "
                "to be swapped: give the earlier one as before",
                f"変化前の測量日 {self.before_date} が変化後の測量日 {self.after_date} より後です。"
                "前後が入れ替わっていないか確認してください。",
                field="before_date",
                value=str(self.before_date),
            )
        if (self.loose_ratio is None) != (self.compacted_ratio is None):
            raise _lacks("loose_ratio", "compacted_ratio")
        if self.truck_m3 is not None and self.soil is None and self.loose_ratio is None:
            raise _lacks("truck_m3", "soil")
        if self.dam_zone is not None and self.dam_capacity is None:
            raise _lacks("dam_zone", "dam_capacity")
        return self


def _lacks(given: str, missing: str) -> ParameterError:
    return ParameterError(
        f"volume: {given} needs {missing} too; give both or neither",
        f"パラメータ {given} には {missing} も必要です。両方を指定するか、両方を省略してください。",
        field=missing,
    )
