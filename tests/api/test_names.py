"""Names that files may keep."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.datasets.names import checked_name, kind_of
from pointcloud.errors import FileError


@pytest.mark.parametrize(
    "name", ["08ND77.laz", "08OF4060_LP_2019.LAZ", "静岡県 前.las", "①㎡髙.geojson", "a..b.laz", "点" * 60 + ".laz"]
)
def test_an_owners_name_is_kept(name: str) -> None:
    assert checked_name(name) == name


def test_the_form_that_macos_sends_is_composed() -> None:
    decomposed = unicodedata.normalize("NFD", "崩壊地ガ.laz")
    assert decomposed != "崩壊地ガ.laz"
    assert checked_name(decomposed) == "崩壊地ガ.laz"


def outcome(name: str) -> tuple[str, FileError | None]:
    try:
        return checked_name(name), None
    except FileError as error:
        return "", error


@given(st.text(max_size=120))
@settings(max_examples=100)
def test_whatever_is_accepted_is_one_plain_path_part(name: str) -> None:
    checked, error = outcome(name)
    if error is not None:
        assert error.ja
        assert all(character.isprintable() for character in error.en)
        return
    assert PurePosixPath(checked).parts == (checked,)
    assert len(checked.encode()) <= 200
    assert not checked.startswith(".")
    assert checked == checked_name(checked)
    assert all(character.isprintable() or character.isspace() for character in checked)


def test_kinds_by_suffix_in_any_case() -> None:
    assert kind_of("A.LAZ") == kind_of("b.copc.laz") == "pointcloud"
    assert kind_of("z.GeoJSON") == kind_of("z.gpkg") == "polygons"
    with pytest.raises(FileError, match="allowed are"):
        kind_of("a.shp")
