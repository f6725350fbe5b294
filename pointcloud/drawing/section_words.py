"""Words of section drawings in English and Japanese."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from pointcloud.drawing.volume_words import Words
from pointcloud.sections.series import TOP, ZERO_NAMES, Section

LAYERS: Final = (
    ("scatter", ("Scatter of ground points (5-95 %)", "地盤点の散らばり (5~95 %)")),
    ("low_vegetation", ("Low vegetation (below 2 m)", "低い植生 (2 m 未満)")),
    ("canopy", ("Canopy", "樹冠")),
    ("structure", ("Structures (classes 6, 14, 17)", "構造物 (分類 6・14・17)")),
)
"""Layers of points as the legend names them, in English and Japanese."""

_ENDS: Final = {"cut": "cut end", "fill": "fill end"}


def station_name(section: Section, say: Words) -> str:
    """A station's name; that of an end of cut or fill begins with what ends there."""
    return station_text(section.station.name, say)


def station_text(name: str, say: Words) -> str:
    """A station's name in the language of the papers."""
    for kind, japanese in ZERO_NAMES.items():
        name = name.replace(japanese, say(_ENDS[kind], japanese))
    return name


def surface_name(name: str, titles: Mapping[str, str], say: Words) -> str:
    """A ground, design or surface line as the legend calls it."""
    ground = titles[name.removesuffix(TOP)]
    return ground if name in titles else f"{ground}{say(' surface', '表層')}"


def missing_text(metres: Decimal, say: Words) -> str:
    """How much of a section has no ground; empty where nothing is missing."""
    return f"{say('no data', '欠測')} {metres} m" if metres > 0 else ""
