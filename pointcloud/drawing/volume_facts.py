"""What a checker of a volume needs besides the figures: inputs with hashes, parameters, software, doubts."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

from pointcloud.drawing.report import Language

Facts = list[tuple[str, str]]

_INPUTS: Final = {
    "zones": ("Zones", "集計区域"),
    "stream": ("Stream line", "流路の線"),
    "line": ("Line of the end areas", "平均断面法の線"),
    "height_grid": ("Height correction", "標高補正パラメータ"),
}
_DATUMS: Final = {"unknown": ("not known", "不明"), "ellipsoidal": ("ellipsoidal height", "楕円体高")}
_SOURCES: Final = {
    "header": ("from the file", "ファイルの記載"),
    "tile-code": ("from the map sheet", "図郭から"),
    "parameter": ("as stated", "指定による"),
}
WHEN: Final = {"before": ("before", "変化前"), "after": ("after", "変化後")}

SWELL: Final = ("Ratios L and C: {source}; {status}", "土量変化率 L・C: {source}。状態: {status}")


@cache
def texts(part: Literal["headline", "steps", "unconfirmed"]) -> tuple[tuple[str, str], ...]:
    """English and Japanese of each text of a part of ``tables/volume_texts.toml``."""
    content = resources.files("pointcloud.drawing").joinpath("tables/volume_texts.toml").read_text("utf-8")
    return tuple((text["en"], text["ja"]) for text in tomllib.loads(content)[part])


def pick(pair: tuple[str, str], language: Language) -> str:
    """Of (English, Japanese), the one of the language."""
    return pair[language == "ja"]


def datum_name(datum: str, language: Language) -> str:
    """How a height system is called."""
    return pick(_DATUMS.get(datum, (datum, datum)), language)


def epoch_name(epoch: Mapping[str, Any], language: Language) -> str:
    """What a survey is called: before and after in the language, names of a series as they are."""
    name = str(epoch["name"])
    return pick(WHEN.get(name, (name, name)), language)


def input_facts(summary: Mapping[str, Any], language: Language) -> Facts:
    """Each file with its number of points and SHA-256."""
    return list(_input_facts(summary, language))


def _input_facts(summary: Mapping[str, Any], language: Language) -> Iterator[tuple[str, str]]:
    points = pick(("points", "点"), language)
    for epoch in summary["epochs"]:
        name = epoch_name(epoch, language)
        for file in epoch["files"]:
            yield name, f"{file['name']}  {file['n_points']:,} {points}\nSHA-256 {file['sha256']}"
    for kind, files in summary["inputs"].items():
        for file in files:
            yield pick(_INPUTS[kind], language), f"{file['name']}\nSHA-256 {file['sha256']}"


def epoch_facts(summary: Mapping[str, Any], language: Language) -> list[list[str]]:
    """Rows: survey, date, points, reference system and where it is known from, height system."""
    rows = []
    for epoch in summary["epochs"]:
        heights = datum_name(epoch["vertical_datum"], language)
        if epoch["height_correction_m"] is not None:
            heights += f" → JGD2024 ({epoch['height_correction_m']:+.3f} m)"
        rows.append([
            epoch_name(epoch, language), epoch["surveyed"] or "-", f"{epoch['n_points']:,}",
            f"{epoch['crs']} ({pick(_SOURCES[epoch['crs_source']], language)})", heights,
        ])  # fmt: skip
    return rows


def parameter_facts(summary: Mapping[str, Any]) -> Facts:
    """Parameters as they were used."""
    return [(name, _text(value)) for name, value in summary["parameters"].items()]


def software_facts(summary: Mapping[str, Any]) -> Facts:
    """Names and versions."""
    return [(name, str(version)) for name, version in summary["software"].items() if name != "name"]


def unconfirmed(summary: Mapping[str, Any], language: Language) -> list[str]:
    """Constants that rest on memory or copies."""
    found = [pick(pair, language) for pair in texts("unconfirmed")]
    soil = summary.get("material", {}).get("soil")
    if soil is not None:
        found.append(pick(SWELL, language).format(**soil["class"]))
    return found


def notes_of(summary: Mapping[str, Any], language: Language) -> list[str]:
    """Every note of the result, each once."""
    groups = [summary["notes"], *(e["notes"] for e in summary["epochs"])]
    if "alignment" in summary:
        groups.insert(1, summary["alignment"]["notes"])
    groups += [(e.get("alignment") or {"notes": []})["notes"] for e in summary["epochs"]]
    groups += [pair["notes"] for pair in summary.get("pairs", ())]
    return list(dict.fromkeys(note[language] for group in groups for note in group))


def book_facts(summary: Mapping[str, Any]) -> Facts:
    """All of it for the quantity book, in Japanese."""
    rows: Facts = [("成果の様式", str(summary["schema"])), ("座標系", str(summary["crs"])),
                   ("格子間隔 m", f"{summary['cell_m']:g}"), ("符号", summary["sign"]["ja"]),
                   ("状態", summary["state"]["ja"])]  # fmt: skip
    rows += [
        ("測量 " + r[0], f"測量日 {r[1]}  点数 {r[2]}  座標系 {r[3]}  高さ {r[4]}") for r in epoch_facts(summary, "ja")
    ]
    rows += [(f"入力 {name}", text.replace("\n", "  ")) for name, text in input_facts(summary, "ja")]
    rows.append(("位置合わせ", alignment_text(summary["alignment"], "ja")))
    rows += [(f"パラメータ {name}", text) for name, text in parameter_facts(summary)]
    rows += [(f"ソフトウェア {name}", text) for name, text in software_facts(summary)]
    rows += [("注意", note) for note in notes_of(summary, "ja")]
    return rows + [("未確認の定数", text) for text in unconfirmed(summary, "ja")]


def alignment_text(alignment: Mapping[str, Any], language: Language) -> str:
    """The shift in a line."""
    if alignment["dx_m"] is None:
        return pick(("not estimated", "推定していません"), language)
    shift = ", ".join(f"{a} {alignment[f'd{k}_m']:+.3f} m" for a, k in (("E", "x"), ("N", "y"), ("H", "z")))
    done = ("taken out", "補正した") if alignment["applied"] else ("not taken out", "補正していない")
    return f"{shift} ({pick(done, language)})"


def _text(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
