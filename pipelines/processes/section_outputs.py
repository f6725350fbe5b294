"""The files and the summary of cross-sections."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import media_types
from pipelines.process import Context, OutputFile
from pipelines.progress import Text

if TYPE_CHECKING:
    from pipelines.processes.sections import SectionParameters
    from pipelines.section_ground import Epoch
    from pointcloud.drawing.sheet import Sheet, TitleBlock
    from pointcloud.notes import Note
    from pointcloud.sections.cut import SectionLine
    from pointcloud.sections.series import Section, Series

TITLES = {
    "survey": Text("Present", "現況"), "before": Text("Before", "変化前"), "after": Text("After", "変化後"),
    "design": Text("Design", "計画"), **{f"epoch_{i}": Text(f"Epoch {i}", f"時期{i}") for i in (1, 2, 3, 4)},
}  # fmt: skip
_SECTIONS = Text("Cross-sections", "横断図")
_PROFILE = Text("Longitudinal profile", "縦断図")
_LAYERS = Text("Sections with layers of points", "層別断面図")
_FIRST = ("cross_sections", "section_layers", "profile")
"""What a reader looks for first among the files."""

Job = Callable[[], list[OutputFile]]

CSV_ENCODINGS = {"utf8": "utf-8-sig", "cp932": "cp932"}


def summarise(
    series: Series,
    epochs: Sequence[Epoch],
    parameters: SectionParameters,
    notes: Sequence[Note],
    reconciled: dict[str, Any] | None,
) -> dict[str, Any]:
    """The summary, JSON-ready and unrounded."""
    from pipelines.evidence import crs_name, software

    return {
        "schema": "tengun/sections/1",
        "surveys": [_survey_record(e) for e in epochs],
        "points": {e.name: len(e.cloud) for e in epochs},
        "crs": crs_name(epochs[-1].survey.crs),
        "line": {
            "name": series.line.name, "length_m": series.line.length, "start_chainage_m": series.line.start,
            "n_equations": len(series.line.equations),
        },
        "surfaces": list(series.names),
        "surface_lines": list(series.tops),
        "pair": list(series.pair) if series.pair else None,
        "profiles": {name: _profile(line) for name, line in series.profiles.items()},
        "sections": [_section(s, series) for s in series.sections],
        "volumes": _volumes(series),
        "reconciliation": reconciled,
        "greatest_simplification_m": max((s.deviation for s in series.sections), default=0.0),
        "sign": {
            "en": "offsets: right positive; fill (+) where the second surface is higher",
            "ja": "距離は右が正。盛土は 2 番目の面が高いところ",
        },
        "pairs": pair_volumes(series),
        "notes": [n.as_dict() for n in notes],
        "parameters": parameters.model_dump(mode="json"),
        "software": software(),
    }  # fmt: skip


def _survey_record(epoch: Epoch) -> dict[str, Any]:
    """A survey by its files that were read; others were not opened, so their hashes are not asked for."""
    from pipelines.evidence import survey_record

    read = survey_record(replace(epoch.survey, files=epoch.files))
    return {"name": epoch.name, **read, "n_files_beyond": len(epoch.survey.files) - len(epoch.files)}


def _section(section: Section, series: Series) -> dict[str, Any]:
    station = section.station
    return {
        "name": station.name, "distance_m": station.distance, "chainage_m": station.chainage,
        "easting_m": station.x, "northing_m": station.y, "skew_deg": station.skew,
        "left_m": station.left, "right_m": station.right,
        "height_m": {n: _finite(section.lines[n].height(0.0)) for n in _all(series)},
        "planned_height_m": _finite(series.plan.height(station.distance)),
        "gaps_m": {n: section.lines[n].gaps(-station.left, station.right) for n in _all(series)},
        "simplification_m": section.deviation,
        "scatter_m": {n: s.scatter for n, s in section.slices.items()},
        "slice_points": {n: int(s.offset.size) for n, s in section.slices.items()},
        "areas": None if section.areas is None else asdict(section.areas),
    }  # fmt: skip


def _all(series: Series) -> tuple[str, ...]:
    return (*series.names, *series.tops)


def _profile(line: SectionLine) -> dict[str, Any]:
    """Covered length, rise and slope of a profile from its first to its last known point."""
    if line.is_empty:
        return {"covered_m": 0.0, "rise_m": None, "slope_percent": None}
    (s0, z0), (s1, z1) = line.pieces[0][0].tolist(), line.pieces[-1][-1].tolist()
    return {"covered_m": line.covered, "rise_m": z1 - z0, "slope_percent": 100.0 * (z1 - z0) / (s1 - s0)}


def _volumes(series: Series) -> dict[str, Any] | None:
    """Totals by each rule, and the total of the printed table."""
    from pointcloud.sections import quantities

    if series.pair is None:
        return None
    cut, fill = quantities.totals(quantities.rows(series))
    return {
        **{f"{name}_m3": value for name, value in asdict(series.total).items()},
        "net_m3": series.total.fill - series.total.cut,
        "printed": {"cut_m3": float(cut), "fill_m3": float(fill), "net_m3": float(fill - cut)},
    }


def pair_volumes(series: Series) -> list[dict[str, Any]]:
    """平均断面法 between each two grounds or designs, at the stations of the series."""
    from itertools import combinations, pairwise

    from pointcloud.sections.area import between

    found = []
    for a, b in combinations(series.names, 2):
        areas = [between(s.lines[a], s.lines[b]) for s in series.sections]
        steps = [t.station.distance - s.station.distance for s, t in pairwise(series.sections)]
        cut, fill = (
            sum(
                step * (getattr(m, kind) + getattr(n, kind)) / 2.0
                for step, (m, n) in zip(steps, pairwise(areas), strict=True)
            )
            for kind in ("cut", "fill")
        )
        found.append({"from": a, "to": b, "cut_m3": cut, "fill_m3": fill, "net_m3": fill - cut,
                      "areas": [{"station": s.station.name, "cut_m2": v.cut, "fill_m2": v.fill, "width_m": v.width}
                                for s, v in zip(series.sections, areas, strict=True)]})  # fmt: skip
    return found


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def write_outputs(
    context: Context,
    series: Series,
    epochs: Sequence[Epoch],
    parameters: SectionParameters,
    summary: dict[str, Any],
) -> tuple[OutputFile, ...]:
    """Write every deliverable into the workspace."""
    from concurrent.futures import ThreadPoolExecutor

    from pipelines.workspace import write_json

    jobs: list[Job] = [
        *_drawing_jobs(context.workspace, series, _title_block(series, epochs, parameters), parameters),
        lambda: _write_tables(context, series, parameters, summary),
        lambda: _write_exchange(context, series, epochs, parameters),
    ]
    files: list[OutputFile] = []
    with ThreadPoolExecutor(2) as pool:  # typesetting, more than half of the work, holds no lock
        written = [pool.submit(job) for job in jobs]
        try:
            for i, one in enumerate(written):
                files += one.result()
                context.progress.at("write", (i + 1) / len(jobs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    write_json(context.workspace / "sections.json", summary)
    files.sort(key=lambda file: next((i for i, stem in enumerate(_FIRST) if file.path.startswith(stem)), len(_FIRST)))
    return (OutputFile("sections.json", "application/json", Text("Summary", "結果の要約")), *files)


def _title_block(series: Series, epochs: Sequence[Epoch], parameters: SectionParameters) -> TitleBlock:
    from pipelines.evidence import crs_name, software
    from pointcloud.cloud import VerticalDatum
    from pointcloud.drawing.sheet import TitleBlock
    from pointcloud.drawing.volume_words import Words

    survey = epochs[-1].survey
    known = survey.vertical_datum is not VerticalDatum.UNKNOWN
    language = parameters.language
    say = Words(language)
    datum = f"{say('Heights', '標高')} {survey.vertical_datum}" if known else say("Heights unknown", "標高基準 不明")
    made_by = "{name} {version}".format(**software())
    return TitleBlock(parameters.project, series.line.name, crs_name(survey.crs), datum, made_by, language)


def _titles(parameters: SectionParameters) -> dict[str, str]:
    """What drawings and tables call each survey and the design."""
    return {name: getattr(text, parameters.language) for name, text in TITLES.items()} | parameters.labels


def _drawing_jobs(folder: Path, series: Series, block: TitleBlock, parameters: SectionParameters) -> list[Job]:
    """What writes the drawings: what typesets, which holds no lock, before what writes DXF, which does."""
    from pointcloud.drawing import dxf
    from pointcloud.drawing.profile_sheet import profile_sheets
    from pointcloud.drawing.section_sheet import section_sheets
    from pointcloud.drawing.sheet import named_layers

    version, titles = parameters.dxf_version, _titles(parameters)
    layers = named_layers(parameters.cad_layers)
    paper, scale = parameters.paper, parameters.scale
    profile_scale = parameters.profile_scale or _profile_scale(series, paper)

    def drawing(stem: str, title: Text, sheets: Callable[[], list[Sheet]]) -> list[OutputFile]:
        dxf.write_sheets(folder / f"{stem}.dxf", sheets(), version, layers)
        return [_dxf_file(stem, Text(f"{title.en} (DXF)", f"{title.ja} (DXF)"))]

    def world() -> list[OutputFile]:
        dxf.write_world(folder / "sections_3d.dxf", series, version, layers)
        return [_dxf_file("sections_3d", Text("Sections as 3-D polylines", "断面線 3 次元 (DXF)"))]

    sections = partial(section_sheets, series, block, titles, paper, scale)
    profile = partial(profile_sheets, series, block, titles, paper, profile_scale)
    drawings = [("cross_sections", _SECTIONS, cache(sections)), ("profile", _PROFILE, cache(profile))]
    if parameters.layer_sheets:  # the longest first
        drawings.insert(0, ("section_layers", _LAYERS, cache(partial(sections, with_layers=True))))
    pages: list[Job] = [partial(_write_pages, folder, *each) for each in drawings]
    return [*pages, *(partial(drawing, *each) for each in drawings), world]


def _dxf_file(stem: str, title: Text) -> OutputFile:
    return OutputFile(f"{stem}.dxf", "image/vnd.dxf", title)


def _profile_scale(series: Series, paper: str) -> int:
    """1/1000, or a larger scale at which a short line fills one sheet."""
    from pointcloud.drawing.profile_sheet import H_SCALES
    from pointcloud.drawing.sheet import SIZES

    room = SIZES[paper][0] * 0.85
    return next((s for s in H_SCALES if series.line.length * 1000.0 / s <= room and s < 1000), 1000)


def _write_pages(folder: Path, stem: str, title: Text, made: Callable[[], list[Sheet]]) -> list[OutputFile]:
    """PDF of all sheets, PNG and SVG of each."""
    from pointcloud.drawing.typeset import Typesetter

    sheets = made()
    pages = Typesetter(sheets)
    pages.write_pdf(folder / f"{stem}.pdf")
    files = [OutputFile(f"{stem}.pdf", "application/pdf", Text(f"{title.en}, to scale (PDF)", f"{title.ja} (PDF)"))]
    for suffix, media, write in ((".png", "image/png", pages.write_png), (".svg", "image/svg+xml", pages.write_svg)):
        names = [f"{stem}_{i:02d}{suffix}" for i in range(1, len(sheets) + 1)]
        write([folder / name for name in names])
        numbers = [f" ({i}/{len(sheets)})" if len(sheets) > 1 else "" for i in range(1, len(sheets) + 1)]
        titles = [Text(f"Preview: {title.en}{number}", f"図面: {title.ja}{number}") for number in numbers]
        files += [OutputFile(name, media, text) for name, text in zip(names, titles, strict=True)]
    return files


def _write_tables(
    context: Context, series: Series, parameters: SectionParameters, summary: dict[str, Any]
) -> list[OutputFile]:
    from pointcloud.drawing import text_tables, xlsx
    from pointcloud.drawing.section_words import surface_name
    from pointcloud.drawing.volume_words import Words
    from pointcloud.sections import quantities

    say = Words(parameters.language)
    table, titles = quantities.rows(series), _titles(parameters)
    tables = {
        "stations": (text_tables.station_table(series, say, titles), Text("Stations", "測点一覧")),
        "vertices": (text_tables.vertex_table(series, say, titles), Text("Vertices of the sections", "断面の変化点")),
        "layers": (text_tables.band_table(series, say, titles), Text("Layers of points in slices", "点群の層別高さ")),
    }
    if table:
        tables["quantities"] = (text_tables.quantity_table(table, say), Text("Quantities", "土量計算"))
    files = []
    for stem, (rows, title) in tables.items():
        for suffix, encoding in CSV_ENCODINGS.items():
            name = f"{stem}_{suffix}.csv"
            lost = text_tables.write_csv(context.workspace / name, rows, encoding)
            if lost:
                summary["notes"].append(_lost_note(name, lost))
            label = "UTF-8" if suffix == "utf8" else "CP932"
            files.append(OutputFile(name, "text/csv", Text(f"{title.en} ({label})", f"{title.ja} ({label})")))
    if table:
        state = (
            "Geometric volume of undisturbed ground; no bulking factors applied",
            "地山の幾何体積。土量変化率は適用していません",
        )
        surfaces = " → ".join(surface_name(n, titles, say) for n in series.pair or ())
        facts = [(say("Line", "路線"), series.line.name), (say("CRS", "座標系"), str(summary["crs"])),
                 (say("Surfaces", "面"), surfaces), (say("State", "状態"), say(*state))]  # fmt: skip
        xlsx.write_quantities(
            context.workspace / "quantities.xlsx", table, series.line.name, facts, summary["reconciliation"], say
        )
        files.append(OutputFile("quantities.xlsx", media_types.XLSX, Text("Quantities (XLSX)", "土量計算書 (XLSX)")))
    return files


def _lost_note(name: str, lost: Sequence[str]) -> dict[str, str]:
    from pointcloud.notes import Note

    characters = " ".join(lost)
    return Note(
        "cp932-characters", f"{name}: CP932 lacks {characters}; written as ?",
        f"{name}: CP932 にない文字 {characters} は ? としました。",
    ).as_dict()  # fmt: skip


def _write_exchange(
    context: Context, series: Series, epochs: Sequence[Epoch], parameters: SectionParameters
) -> list[OutputFile]:
    from pipelines.evidence import software
    from pointcloud.drawing.landxml import write_landxml
    from pointcloud.drawing.section_features import write_geopackage
    from pointcloud.drawing.sima import write_sima

    folder, survey = context.workspace, epochs[-1].survey
    write_sima(folder / "sections.sim", series)
    write_geopackage(folder / "sections.gpkg", series, survey.crs)
    write_landxml(
        folder / "sections.xml", series, survey.crs, survey.vertical_datum, datetime.now(UTC), parameters.project,
        software()["version"],
    )  # fmt: skip
    return [
        OutputFile("sections.sim", "text/plain", Text("SIMA coordinates", "SIMA 座標データ")),
        OutputFile("sections.xml", "application/xml", Text("J-LandXML", "J-LandXML")),
        OutputFile("sections.gpkg", media_types.GPKG, Text("Sections (GeoPackage)", "断面線 (GeoPackage)")),
    ]
