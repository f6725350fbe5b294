"""What differs between two results of ``volume-change``, and what it did to the numbers.

Everything is read from the two ``volume.json``; nothing is computed again. The difference of a volume is split into
what can be known from them: the noise treatment, the vertical shift that alignment took out (where the surveys are the
same), the compared area, and a rest that the other differences must answer for. Where one thing differs only, all of it
is that thing's doing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pointcloud.errors import FileError, InputError

SCHEMA: Final = "tengun/volume/1"
KINDS: Final = ("cut", "fill", "net")

PAPER_ONLY: Final = {
    "before_date", "after_date", "end_area_interval", "stream_step", "stream_width", "dam_capacity", "dam_zone", "soil",
    "loose_ratio", "compacted_ratio", "truck_m3", "project", "zones", "stream", "line",
}  # fmt: skip
"""Parameters and inputs that add to the papers and leave the headline as it is; zones count by their outlines."""

Result = Mapping[str, Any]
Change = dict[str, Any]


def read_result(path: Path) -> Result:
    """The content of a volume.json; of a folder, that of the one in it.

    Raises
    ------
    FileError
        When it is none.
    """
    path = path / "volume.json" if path.is_dir() else path
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(
            f"explain: {path} cannot be read as JSON ({error}); give a volume.json or the folder that holds it",
            f"{path} を JSON として読み込めません ({error})。volume.json またはそのフォルダを指定してください。",
            file=str(path),
        ) from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise FileError(
            f"explain: {path} is not of the schema {SCHEMA}; give a volume.json that tengun volume has written",
            f"{path} の様式が {SCHEMA} ではありません。tengun volume の volume.json を指定してください。",
            file=str(path),
        )
    return found


def explain(a: Result, b: Result) -> dict[str, Any]:
    """What differs from ``a`` to ``b``, JSON-ready.

    Returns
    -------
    dict
        ``differences``: each with ``what``, ``name``, ``a``, ``b`` and ``is_cause``; ``volumes``: the whole (zone None)
        and each common zone with cut, fill and net of both, their difference, whether b lies inside a's interval, and
        the parts of the net's difference; ``only_cause``: the one thing that differs, or None.

    Raises
    ------
    InputError
        When the two have no volume in common, being in different reference systems.
    """
    if a["crs"] != b["crs"]:
        raise InputError(
            f"explain: the first result is in {a['crs']}, the second in {b['crs']}; they are not of one place",
            f"座標系が異なります (1 つ目 {a['crs']}、2 つ目 {b['crs']})。同じ場所の成果を指定してください。",
        )
    differences = [*_inputs(a, b), *_parameters(a, b), *_software(a, b), *_zones(a, b)]
    causes = [f"{d['what']} {d['name']}" for d in differences if d["is_cause"]]
    return {
        "schema": "tengun/explain/1",
        "differences": [*differences, *_alignment(a, b)],
        "only_cause": causes[0] if len(causes) == 1 else None,
        "volumes": list(_volumes(a, b)),
    }


def _difference(what: str, name: str, a: Any, b: Any) -> Change:
    is_cause = what != "alignment" and name not in PAPER_ONLY
    return {"what": what, "name": name, "a": a, "b": b, "is_cause": is_cause}


def _inputs(a: Result, b: Result) -> Iterator[Change]:
    """Files by their content: another name for the same bytes is no difference."""
    for one, other in zip(a["epochs"], b["epochs"], strict=True):
        yield from _files(f"survey {one['name']}", one["files"], other["files"])
    one_extra, other_extra = a.get("inputs", {}), b.get("inputs", {})  # results of version 0.1.0 list surveys only
    for name in dict.fromkeys([*one_extra, *other_extra]):
        yield from _files(name, one_extra.get(name, []), other_extra.get(name, []))


def _files(name: str, a: list[dict[str, Any]], b: list[dict[str, Any]]) -> Iterator[Change]:
    digests = [{f["sha256"] for f in files} for files in (a, b)]
    if digests[0] != digests[1]:
        only = [
            [f["name"] for f in files if f["sha256"] not in other]
            for files, other in ((a, digests[1]), (b, digests[0]))
        ]
        yield _difference("input", name, only[0], only[1])


def _parameters(a: Result, b: Result) -> Iterator[Change]:
    one, other = a["parameters"], b["parameters"]
    for name in dict.fromkeys([*one, *other]):
        if one.get(name) != other.get(name):
            yield _difference("parameter", name, one.get(name), other.get(name))


def _software(a: Result, b: Result) -> Iterator[Change]:
    one, other = a["software"], b["software"]
    for name in dict.fromkeys([*one, *other]):
        if one.get(name) != other.get(name):
            yield _difference("software", "tengun" if name == "version" else name, one.get(name), other.get(name))


def _zones(a: Result, b: Result) -> Iterator[Change]:
    """Zones that only one result has, or whose outline differs; with their areas in m2."""
    one, other = ({z["name"]: _outline(z) for z in r["zones"]} for r in (a, b))
    for name in dict.fromkeys([*one, *other]):
        (area, digest), (other_area, other_digest) = one.get(name, (None, None)), other.get(name, (None, None))
        is_same = digest == other_digest if digest and other_digest else area == other_area
        if not is_same:
            yield _difference("zone", name, area, other_area)


def _outline(zone: Result) -> tuple[float, str | None]:
    """Area and digest of a zone's outline; results of version 0.1.0 have no digest."""
    outline = zone.get("outline")
    return (
        (zone["area_m2"] + zone["void_area_m2"], None) if outline is None else (outline["area_m2"], outline["sha256"])
    )


def _alignment(a: Result, b: Result) -> Iterator[Change]:
    """Shifts that were taken out: a consequence of the rest, never a cause."""
    one, other = (_taken_out(r) for r in (a, b))
    for axis, x, y in zip(("east_m", "north_m", "up_m"), one, other, strict=True):
        if x != y:
            yield _difference("alignment", axis, x, y)


def _taken_out(result: Result) -> list[float]:
    return list(result["alignment"]["correction_m"] or (0.0, 0.0, 0.0))


def _volumes(a: Result, b: Result) -> Iterator[dict[str, Any]]:
    one, other = ({None: r["total"], **{z["name"]: z for z in r["zones"]}} for r in (a, b))
    pairs = zip(a["epochs"], b["epochs"], strict=True)
    are_same = not any(list(_files("", x["files"], y["files"])) for x, y in pairs)
    rise = _taken_out(b)[2] - _taken_out(a)[2] if are_same else None
    for name, before in one.items():
        if name in other:
            after = other[name]
            yield {"zone": name, **{k: _pair(before, after, k) for k in KINDS}, "parts": _parts(before, after, rise)}


def _pair(a: Result, b: Result, kind: str) -> dict[str, Any]:
    x, y, interval = a[f"{kind}_m3"], b[f"{kind}_m3"], a[f"{kind}_ci95_m3"]
    is_inside = None if interval is None else interval[0] <= y <= interval[1]
    return {"a_m3": x, "b_m3": y, "difference_m3": y - x, "is_inside_interval": is_inside}


def _parts(a: Result, b: Result, rise: float | None) -> dict[str, float | None]:
    """The net's difference by what it comes from, m3; the parts add up to it.

    ``rise``: metres by which b lowers the later survey more than a; None where the surveys are not the same, so that
    a shift may be theirs and not the alignment's.
    """
    plain = [_plain_net(r) for r in (a, b)]
    noise = (b["net_m3"] - plain[1]) - (a["net_m3"] - plain[0])
    shift = None if rise is None else -rise * 0.5 * (a["area_m2"] + b["area_m2"])
    depth = plain[0] / a["area_m2"] if a["area_m2"] else 0.0
    area = depth * (b["area_m2"] - a["area_m2"])
    rest = b["net_m3"] - a["net_m3"] - noise - (shift or 0.0) - area
    return {"noise_treatment_m3": noise, "vertical_alignment_m3": shift, "compared_area_m3": area, "rest_m3": rest}


def _plain_net(row: Result) -> float:
    account = row.get("account")
    return float(row["net_m3"] if account is None else account["raw"]["net_m3"])
