"""The reference system in a LAS file's records: WKT or GeoTIFF keys, both ways.

GeoTIFF keys are read by GDAL, which knows user-defined projections, foot units and vertical systems: the keys are
put into a TIFF of one pixel, in memory.

References
----------
ASPRS LAS Specification 1.4 R15 (2019), section 3; OGC GeoTIFF Standard 1.1 (2019), annex B.
"""

from __future__ import annotations

import struct
import warnings
from typing import Final

from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError

from pointcloud.cloud import VerticalDatum
from pointcloud.errors import CrsError
from pointcloud.io.las_header import Header
from pointcloud.notes import Note

USER: Final = b"LASF_Projection"
WKT: Final = 2112
KEYS, DOUBLES, TEXTS = 34735, 34736, 34737
WKT_BIT: Final = 0x10
"""Bit of the global encoding that says that the CRS is WKT."""

_VERTICAL_CODES: Final = {
    VerticalDatum.JGD2000: (6694, "JGD2000 (vertical) height", "Japanese Geodetic Datum 2000 (vertical)"),
    VerticalDatum.JGD2011: (6695, "JGD2011 (vertical) height", "Japanese Geodetic Datum 2011 (vertical)"),
    VerticalDatum.JGD2024: (11317, "JGD2024 (vertical) height", "Japanese Geodetic Datum 2024 (vertical)"),
}
_MODEL_PROJECTED, _MODEL_KEY, _PROJECTED_KEY, _LINEAR_UNIT_KEY, _VERTICAL_KEY = 1, 1024, 3072, 3076, 4096
_METRE: Final = 9001
_VERTICAL_UNIT_KEY: Final = 4099


def read_crs(header: Header) -> tuple[CRS | None, tuple[Note, ...]]:
    """What the file states, compound where it states heights; None where it states nothing, or nothing readable.

    WKT wins over GeoTIFF keys, as LAS 1.4 has it.
    """
    found: list[CRS] = []
    notes: list[Note] = []
    for reader in (_from_wkt, _from_keys):
        try:
            crs = reader(header)
        except (ProjError, UnicodeDecodeError, struct.error) as error:
            notes.append(
                Note(
                    "crs-unreadable",
                    f"{header.path.name}: the CRS in the header is not understood ({error})",
                    f"{header.path.name}: ヘッダの座標参照系を解釈できません ({error})。",
                )
            )
            continue
        if crs is not None:
            found.append(crs)
    return (found[0] if found else None), tuple(notes)


def wkt_record(crs: CRS, datum: VerticalDatum) -> bytes:
    """The payload of a WKT record: WKT 1 with EPSG codes, compound where the vertical datum is known."""
    text = str(crs.to_wkt("WKT1_GDAL"))
    if datum in _VERTICAL_CODES:
        code, name, frame = _VERTICAL_CODES[datum]
        vertical = (
            f'VERT_CS["{name}",VERT_DATUM["{frame}",2005],UNIT["metre",1,AUTHORITY["EPSG","9001"]],'
            f'AXIS["Gravity-related height",UP],AUTHORITY["EPSG","{code}"]]'
        )
        text = f'COMPD_CS["{crs.name} + {name}",{text},{vertical}]'
    return text.encode("utf-8") + b"\0"


def key_record(crs: CRS, datum: VerticalDatum) -> bytes:
    """The payload of a GeoTIFF key directory, for LAS 1.0 to 1.3, which have no WKT.

    Raises
    ------
    CrsError
        When the CRS has no EPSG code.
    """
    code = crs.to_epsg()
    if code is None or code > 0xFFFF:
        raise CrsError(
            f"writing LAS 1.0-1.3: CRS '{crs.name}' has no EPSG code; write LAS 1.4, which takes WKT",
            f"LAS 1.0~1.3 には EPSG コードのない座標参照系「{crs.name}」を書けません。LAS 1.4 で書き込んでください。",
            value=crs.name,
        )
    keys = [(_MODEL_KEY, _MODEL_PROJECTED), (_PROJECTED_KEY, code), (_LINEAR_UNIT_KEY, _METRE)]
    if datum in _VERTICAL_CODES:
        keys += [(_VERTICAL_KEY, _VERTICAL_CODES[datum][0]), (_VERTICAL_UNIT_KEY, _METRE)]
    head = struct.pack("<4H", 1, 1, 0, len(keys))
    return head + b"".join(struct.pack("<4H", key, 0, 1, value) for key, value in keys)


def _from_wkt(header: Header) -> CRS | None:
    record = header.find(USER, WKT)
    text = "" if record is None else header.payload(record).split(b"\0")[0].decode("utf-8").strip()
    return CRS.from_wkt(text) if text else None


def _from_keys(header: Header) -> CRS | None:
    """The CRS of the GeoTIFF keys, its heights told by code where GDAL does not know the code."""
    record = header.find(USER, KEYS)
    if record is None or record.size < 16:
        return None
    keys = header.payload(record)
    others = [header.find(USER, number) for number in (DOUBLES, TEXTS)]
    doubles, texts = (b"" if other is None else header.payload(other) for other in others)
    found = _known_to_gdal(_tiff(keys, doubles, texts))
    entries = struct.iter_unpack("<4H", keys[8 : len(keys) // 8 * 8])
    values = {key: value for key, place, _, value in entries if place == 0}
    for datum, (code, _, _) in _VERTICAL_CODES.items():
        if found is not None and values.get(_VERTICAL_KEY) == code:
            horizontal = found.sub_crs_list[0] if found.is_compound else found
            return CRS.from_wkt(wkt_record(horizontal, datum).rstrip(b"\0").decode())
    return found


def _known_to_gdal(tiff: bytes) -> CRS | None:
    """The reference system of a TIFF in memory."""
    import rasterio  # a fifth of a second to load; LAS 1.4 has WKT
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with (
                rasterio.Env(GTIFF_REPORT_COMPD_CS="YES"),
                rasterio.MemoryFile(tiff) as file,
                file.open(driver="GTiff") as source,
            ):
                return None if source.crs is None else CRS.from_wkt(source.crs.to_wkt())
        except RasterioError as error:
            raise ProjError(str(error)) from error


def _tiff(keys: bytes, doubles: bytes, texts: bytes) -> bytes:
    """A grey TIFF of one pixel that carries GeoTIFF keys; entries are sorted by tag as TIFF demands."""
    short, long = 3, 4
    tags = [(tag, short, 1, struct.pack("<HH", value, 0))
            for tag, value in ((256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (277, 1), (278, 1))]  # fmt: skip
    tags += [(279, long, 1, struct.pack("<I", 1))]
    tags += [(tag, kind, len(data) // size, data)
             for tag, kind, size, data in ((KEYS, short, 2, keys), (DOUBLES, 12, 8, doubles), (TEXTS, 2, 1, texts))
             if data]  # fmt: skip
    head = 8 + 2 + 12 * (len(tags) + 1) + 4
    body, entries = b"\0\0", []
    for tag, kind, count, data in tags:
        place = data if len(data) <= 4 else struct.pack("<I", head + len(body))
        body += b"" if len(data) <= 4 else data + b"\0" * (len(data) % 2)
        entries.append((tag, struct.pack("<HHI", tag, kind, count) + place.ljust(4, b"\0")))
    entries.append((273, struct.pack("<HHII", 273, long, 1, head)))
    table = b"".join(entry for _, entry in sorted(entries))
    return struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + table + struct.pack("<I", 0) + body
