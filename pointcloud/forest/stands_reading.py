"""Stands from GeoPackage, Shapefile (UTF-8 or CP932, also zipped), GeoJSON or CSV, with a register joined by id."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from pyproj import CRS
from shapely import MultiPolygon, Polygon

from pointcloud.errors import FileError, GeometryError
from pointcloud.forest.stands import MAX_AGE, Stand, Treatment, parse_treatments, parse_year
from pointcloud.forest.tables import reading
from pointcloud.io.vector import Feature, read_features
from pointcloud.notes import Note

FIELDS: Final = {
    "id": ("stand_id", "林小班", "小班ID", "id", "name", "名称"),
    "species": ("species", "樹種", "樹種1", "主要樹種"),
    "age": ("age", "林齢", "樹齢"),
    "planting_year": ("planting_year", "植栽年", "植栽年度", "造林年度"),
    "treatments": ("treatments", "施業履歴", "施業"),
    "area_ha": ("area_ha", "面積", "面積ha", "小班面積"),
    "wkt": ("wkt", "geometry", "geom"),
}
"""Names of fields that are understood, in any case; the first found wins. 林班 with 小班 (and 枝番) make an id too."""

_PARTS: Final = ("林班", "準林班", "小班", "枝番", "施業番号")
_REPAIRED: Final = 0.01
_STATED: Final = 0.05


def read_stands(path: Path, crs: CRS, age_year: int, register: Path | None = None) -> tuple[Stand, ...]:
    """The stands of a file, in its order; one that cannot be used says why in its ``problems``.

    Parameters
    ----------
    path
        GeoPackage, Shapefile, a zip of a Shapefile's parts, GeoJSON, or CSV with a column of WKT in ``crs``.
    crs
        CRS of the survey.
    age_year
        Fiscal year for which the register's ages hold.
    register
        CSV whose rows are joined to the outlines by id and win over the outlines' own fields.

    Raises
    ------
    FileError
        When a file cannot be read, or the register has an id twice.
    CrsError, GeometryError
        As `pointcloud.io.vector.read_features`; also when there is no stand.
    """
    features, notes = _features(path, crs)
    if not features:
        raise GeometryError(
            f"stands {path.name}: no stand in it", f"{path.name} に林小班がありません。", file=path.name
        )
    joined = features if register is None else _joined(features, reading.read(register))
    ids = _unique(_id(f) for f in joined)
    return tuple(_stand(f, id_, age_year, notes) for f, id_ in zip(joined, ids, strict=True))


def names_species(fields: Iterable[str]) -> bool:
    """Whether a file's fields are those of stands: one of them is the species."""
    return bool({str(name).lower() for name in fields} & set(_names("species")))


def _features(path: Path, crs: CRS) -> tuple[tuple[Feature, ...], tuple[Note, ...]]:
    if path.suffix.lower() == ".csv":
        return _csv_features(reading.read(path)), ()
    return read_features(path, crs)


def _csv_features(table: reading.Table) -> tuple[Feature, ...]:
    column = reading.column(table, FIELDS["wkt"])
    features = []
    for number, row in enumerate(table.rows, start=1):
        text = row.cells.get(column or "", "")
        geometry = shapely.from_wkt(text, on_invalid="ignore") if text else None
        features.append(Feature(number, "", geometry, dict(row.cells)))
    return tuple(features)


def _joined(features: Sequence[Feature], table: reading.Table) -> tuple[Feature, ...]:
    """Features with the register's cells over their own."""
    rows: dict[str, Mapping[str, str]] = {}
    for row in table.rows:
        key = _id_of(row.cells)
        if key is None:
            raise FileError(
                f"register {table.name}, line {row.line}: no id; expected a column {', '.join(FIELDS['id'])} or "
                "林班 and 小班",
                f"森林簿 {table.name} の {row.line} 行目に ID がありません。{', '.join(FIELDS['id'])} の列、または"
                "林班と小班の列が必要です。",
                file=table.name,
                line=row.line,
            )
        if key in rows:
            raise FileError(
                f"register {table.name}, line {row.line}: id '{key}' comes twice",
                f"森林簿 {table.name} の {row.line} 行目: ID「{key}」が重複しています。",
                file=table.name,
                line=row.line,
                value=key,
            )
        rows[key] = row.cells
    return tuple(
        replace(f, fields={**f.fields, **{k: v for k, v in rows.get(_id(f), {}).items() if v}}) for f in features
    )


def _id(feature: Feature) -> str:
    return _id_of(feature.fields) or f"stand-{feature.number}"


def _id_of(fields: Mapping[str, Any]) -> str | None:
    parts = [_text(fields.get(name)) for name in _PARTS]
    if parts[0] and parts[2]:
        return "-".join(p for p in parts if p)
    return _value(fields, "id") or None


def _unique(ids: Iterable[str]) -> list[str]:
    taken: dict[str, int] = {}
    found = []
    for name in ids:
        taken[name] = taken.get(name, 0) + 1
        found.append(name if taken[name] == 1 else f"{name} ({taken[name]})")
    return found


def _value(fields: Mapping[str, Any], wanted: str) -> str:
    by_name = {str(k).lower(): v for k, v in fields.items()}
    for name in _names(wanted):
        text = _text(by_name.get(name))
        if text:
            return text
    return ""


def _names(wanted: str) -> tuple[str, ...]:
    """Names of a field, and as a Shapefile cuts them at ten bytes of UTF-8."""
    whole = tuple(name.lower() for name in FIELDS[wanted])
    return whole + tuple(name.encode()[:10].decode("utf-8", errors="ignore") for name in whole)


def _text(value: Any) -> str:
    if value is None or (isinstance(value, (float, np.floating)) and not np.isfinite(value)):
        return ""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return unicodedata.normalize("NFKC", str(value)).strip()


def _has(fields: Mapping[str, Any], wanted: str) -> bool:
    return bool({str(k).lower() for k in fields} & set(_names(wanted)))


def _stand(feature: Feature, id_: str, age_year: int, notes: tuple[Note, ...]) -> Stand:
    polygon, about_outline, unusable = _outline(feature.geometry, id_)
    planted, about_age, no_age = _planting(feature.fields, id_, age_year)
    species = _value(feature.fields, "species")
    problems = (*unusable, *no_age)
    if not species:
        problems += (
            Note("no-species", f"stand {id_}: no species (樹種) in the register", f"{id_}: 樹種の記載がありません。"),
        )
    treatments, about_treatments = _treatments(feature.fields, id_)
    stated, about_area = _stated_area(feature.fields, polygon, id_)
    found = (*notes, *about_outline, *about_age, *about_treatments, *about_area)
    return Stand(id_, polygon, species, planted, treatments, stated, found, problems)


def _outline(geometry: Any, id_: str) -> tuple[Polygon | MultiPolygon | None, tuple[Note, ...], tuple[Note, ...]]:
    """The outline, notes, problems. One that crosses itself is mended where that changes its area by under 1 %."""
    if geometry is None or geometry.is_empty or geometry.geom_type not in ("Polygon", "MultiPolygon"):
        kind = "no outline" if geometry is None or geometry.is_empty else f"a {geometry.geom_type}"
        kind_ja = "図形なし" if kind == "no outline" else geometry.geom_type
        problem = Note("no-outline", f"stand {id_}: {kind}; expected a polygon", f"{id_}: {kind_ja}。面が必要です。")
        return None, (), (problem,)
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        en, ja = "a coordinate is not finite", "座標が有限の数ではありません。"
        return None, (), (Note("outline-broken", f"stand {id_}: {en}", f"{id_}: {ja}"),)
    if shapely.is_valid(geometry):
        return geometry, (), ()
    reason = shapely.is_valid_reason(geometry)
    parts = [g for g in shapely.get_parts(shapely.make_valid(geometry)) if g.geom_type in ("Polygon", "MultiPolygon")]
    mended = shapely.union_all(parts)
    if mended.is_empty or abs(mended.area - geometry.area) > _REPAIRED * mended.area:
        return None, (), (
            Note("outline-broken", f"stand {id_}: its outline cannot be used: {reason}; correct it",
                 f"{id_}: 外形が不正です ({reason})。修正してください。"),
        )  # fmt: skip
    note = Note("outline-mended", f"stand {id_}: outline mended ({reason})", f"{id_}: 外形を補正しました ({reason})。")
    return mended, (note,), ()


def _planting(
    fields: Mapping[str, Any], id_: str, age_year: int
) -> tuple[int | None, tuple[Note, ...], tuple[Note, ...]]:
    """Planting year, notes, problems; the planting year wins over the age."""
    year_text, age_text = _value(fields, "planting_year"), _value(fields, "age")
    year = parse_year(year_text) if year_text else None
    age = float(age_text) if age_text.replace(".", "", 1).lstrip("-").isdigit() else None
    if year is None and age is None:
        said = year_text or age_text or "nothing"
        return None, (), (
            Note("no-age", f"stand {id_}: neither age nor planting year is known (register says '{said}')",
                 f"{id_}: 林齢も植栽年も分かりません (記載: {year_text or age_text or 'なし'})。"),
        )  # fmt: skip
    planted = age_year - round(age or 0.0) + 1 if year is None else year
    found = age_year - planted + 1
    if not 1 <= found <= MAX_AGE:
        return None, (), (
            Note("age-out-of-range", f"stand {id_}: age {found} in {age_year}; expected 1 to {MAX_AGE} years",
                 f"{id_}: {age_year} 年度の林齢が {found} 年です。1~{MAX_AGE} 年にしてください。"),
        )  # fmt: skip
    if year is not None and age is not None and abs(found - age) > 1.0:
        note = Note("age-disagrees", f"stand {id_}: planted in {year} it is {found} in {age_year}, not {age:g}; the "
                    "planting year is used",
                    f"{id_}: 植栽年 {year} では {age_year} 年度に {found} 年生ですが林齢は {age:g} です。植栽年を使い"
                    "ます。")  # fmt: skip
        return planted, (note,), ()
    return planted, (), ()


def _treatments(fields: Mapping[str, Any], id_: str) -> tuple[tuple[Treatment, ...] | None, tuple[Note, ...]]:
    if not _has(fields, "treatments"):
        return None, ()
    treatments, unread = parse_treatments(_value(fields, "treatments"))
    if not unread:
        return treatments, ()
    pieces = "; ".join(unread)
    note = Note("treatment-not-read",
                f"stand {id_}: treatment not understood: {pieces}; write for example 2015 間伐 30%",
                f"{id_}: 施業履歴「{pieces}」を解釈できません。例: 2015 間伐 30%")  # fmt: skip
    return treatments, (note,)


def _stated_area(
    fields: Mapping[str, Any], polygon: Polygon | MultiPolygon | None, id_: str
) -> tuple[float | None, tuple[Note, ...]]:
    text = _value(fields, "area_ha")
    try:
        stated = float(text)
    except ValueError:
        return None, ()
    if not stated > 0.0:
        return None, ()
    drawn = 0.0 if polygon is None else polygon.area / 10_000.0
    if drawn > 0.0 and abs(stated - drawn) > _STATED * drawn:
        note = Note("area-disagrees", f"stand {id_}: the register says {stated:g} ha, the outline has {drawn:.2f} ha; "
                    "the smaller is used",
                    f"{id_}: 森林簿の面積 {stated:g} ha と図形の面積 {drawn:.2f} ha が異なります。小さい方を使います。",
                    )  # fmt: skip
        return stated, (note,)
    return stated, ()
