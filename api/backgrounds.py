"""Background maps that the web app may offer: none, or those of 国土地理院 where the administrator allows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.schemas import Answer

GSI: Final = "https://cyberjapandata.gsi.go.jp"
"""The only server that a browser is ever sent to."""
_SOURCE: Final = "https://maps.gsi.go.jp/development/ichiran.html"


class Background(Answer):
    """Tiles that lie below everything."""

    id: str
    title: str
    title_ja: str
    tiles: str
    min_zoom: int
    max_zoom: int
    attribution: str
    attribution_ja: str
    source: str


def _gsi(id_: str, title: str, title_ja: str, suffix: str, min_zoom: int) -> Background:
    return Background(
        id=id_,
        title=title,
        title_ja=title_ja,
        tiles=f"{GSI}/xyz/{id_}/{{z}}/{{x}}/{{y}}.{suffix}",
        min_zoom=min_zoom,
        max_zoom=18,
        attribution="GSI tiles (Geospatial Information Authority of Japan)",
        attribution_ja="地理院タイル (国土地理院)",
        source=_SOURCE,
    )


BACKGROUNDS: Final[Mapping[str, tuple[Background, ...]]] = {
    "none": (),
    "gsi": (
        _gsi("pale", "GSI map, pale", "地理院 淡色地図", "png", 5),
        _gsi("std", "GSI map", "地理院 標準地図", "png", 5),
        _gsi("seamlessphoto", "GSI aerial photos", "地理院 写真", "jpg", 2),
    ),
}
"""What each value of the setting ``background`` offers."""

OTHER_SERVERS: Final[Mapping[str, tuple[str, ...]]] = {"none": (), "gsi": (GSI,)}
"""Servers that the pages' policy then lets a browser ask for pictures."""
