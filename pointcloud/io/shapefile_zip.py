"""A Shapefile in a zip of its parts, as it is handed over and sent over HTTP."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final, NoReturn

from pointcloud.errors import FileError

PARTS: Final = (".shp", ".shx", ".dbf", ".prj", ".cpg")
"""Parts that are read; others, such as spatial indexes, are left in the archive."""

MAX_BYTES: Final = 1_000_000_000
"""Largest that the parts may be together: they are read whole."""

UNREADABLE: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeError)
"""What `zipfile` raises for an archive that is damaged, or packed in a way it does not know."""

_ENCRYPTED: Final = 0x1
_SYSTEM: Final = ("__MACOSX/", "._")


def holds_one(path: Path) -> bool:
    """Whether a file is a zip archive with a .shp in it, be it usable or not."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.lower().endswith(".shp") for name in archive.namelist())
    except UNREADABLE:
        return False


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The .shp of the one Shapefile in a zip, in a folder that is gone afterwards.

    Parts are written under names of our own, so no path in the archive matters.

    Raises
    ------
    FileError
        When it is no zip archive or a damaged one, holds no or several Shapefiles, or more than is reasonable.
    """
    if not path.is_file():
        _refuse(path, "no such file", "ファイルがありません")
    with tempfile.TemporaryDirectory(prefix="tengun-shapefile-") as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                for suffix, info in _parts(archive, path).items():
                    _write(archive, info, Path(folder) / f"{path.stem}{suffix}", path)
        except UNREADABLE as error:
            _refuse(path, f"it cannot be read ({error})", f"読み取れません ({error})")
        yield Path(folder) / f"{path.stem}.shp"


def _parts(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """The parts by suffix, judged by the archive's directory."""
    members = [info for info in archive.infolist() if not any(one in info.filename for one in _SYSTEM)]
    shapes = [info for info in members if PurePosixPath(info.filename).suffix.lower() == ".shp"]
    if len(shapes) != 1:
        _refuse(
            path,
            f"it holds {len(shapes)} files .shp; expected one Shapefile with its parts {', '.join(PARTS)}",
            f".shp が {len(shapes)} 個あります。1 組のシェープファイル ({' '.join(PARTS)}) だけを入れてください",
        )
    stem = shapes[0].filename[:-4].lower()
    found = {suffix: info for info in members for suffix in PARTS if info.filename.lower() == stem + suffix}
    missing = [suffix for suffix in (".shx", ".dbf", ".prj") if suffix not in found]
    if missing:
        _refuse(path, f"the part {missing[0]} is missing", f"{missing[0]} がありません")
    if any(info.flag_bits & _ENCRYPTED for info in found.values()):
        _refuse(path, "it is encrypted", "暗号化されています")
    if sum(info.file_size for info in found.values()) > MAX_BYTES:
        _refuse(path, f"its parts are larger than {MAX_BYTES:,} bytes", f"{MAX_BYTES:,} バイトを超えます")
    return found


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, path: Path) -> None:
    with archive.open(info) as source, target.open("xb") as file:
        shutil.copyfileobj(source, file)  # zipfile ends at the stated size and checks the sum
    if target.stat().st_size != info.file_size:
        _refuse(path, f"{info.filename} is cut short", f"{info.filename} が途中で切れています")


def _refuse(path: Path, en: str, ja: str) -> NoReturn:
    raise FileError(f"Shapefile {path.name}: {en}", f"シェープファイル {path.name}: {ja}。", file=path.name)
