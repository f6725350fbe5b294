"""Zip archives of tiles: what is in one, judged before a byte is unpacked, and its files one after the other.

Nothing is ever written under a name or path of the archive's choosing: a member is written as a dataset under its
checked file name. Names with paths out of the archive are refused all the same, as no honest tool makes them.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, NoReturn

from api.datasets.names import KINDS, checked_name
from pointcloud.errors import FileError
from pointcloud.io.shapefile_zip import UNREADABLE

MAX_MEMBERS: Final = 10_000
MAX_RATIO: Final = 100
"""Times that what comes out may be larger than the archive; LAS shrinks to a quarter, text to a tenth."""

_BLOCK: Final = 1024**2
_ENCRYPTED: Final = 0x1
_SYSTEM_NAMES: Final = ("__MACOSX/", ".DS_Store", "Thumbs.db")


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive: its path in it, its own name, its size in bytes."""

    info: zipfile.ZipInfo
    path: str
    name: str

    @property
    def size(self) -> int:
        """Bytes that it unpacks to."""
        return self.info.file_size


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of an archive that can become datasets, and the paths of those that cannot."""

    members: tuple[Member, ...]
    skipped: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes that they unpack to."""
        return sum(member.size for member in self.members)


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; names that do not say that they are UTF-8 are read as Japanese Windows writes them.

    Raises
    ------
    FileError
        When it is no zip archive, or a damaged one.
    """
    try:
        try:
            archive = zipfile.ZipFile(path, metadata_encoding="cp932")
        except UnicodeDecodeError:
            archive = zipfile.ZipFile(path)
        with archive:
            yield archive
    except UNREADABLE as error:
        _refuse(path.name, f"it cannot be read ({error})", f"読み取れません ({error})")


def contents(archive: zipfile.ZipFile, path: Path) -> Contents:
    """What is in the archive, from its directory alone.

    Raises
    ------
    FileError
        When it is encrypted, holds paths out of it, links, too many files, or more than can be honest.
    """
    infos = [info for info in archive.infolist() if not info.is_dir()]
    packed = path.stat().st_size
    if len(infos) > MAX_MEMBERS:
        _refuse(path.name, f"it holds {len(infos)} files; allowed are {MAX_MEMBERS}", f"{len(infos)} ファイルあります")
    if sum(info.compress_size for info in infos) > packed:
        _refuse(path.name, "its files share bytes, as in a zip bomb", "ファイルが重なり合っています (zip 爆弾の疑い)")
    if sum(info.file_size for info in infos) > MAX_RATIO * packed:
        _refuse(
            path.name,
            f"it would unpack to more than {MAX_RATIO} times its size, as a zip bomb does",
            f"展開すると {MAX_RATIO} 倍を超えます (zip 爆弾の疑い)",
        )
    members: list[Member] = []
    skipped: list[str] = []
    for info in infos:
        _refuse_odd(info, path.name)
        name = PurePosixPath(info.filename).name
        is_wanted = PurePosixPath(name).suffix.lower() in KINDS and PurePosixPath(name).suffix.lower() != ".zip"
        if is_wanted and not any(part in info.filename for part in _SYSTEM_NAMES):
            members.append(Member(info, info.filename, checked_name(name)))
        else:
            skipped.append(info.filename)
    if not members:
        _refuse(path.name, "it holds no file that tengun reads", "対応する形式のファイルがありません")
    return Contents(tuple(members), tuple(skipped))


def unpack(archive: zipfile.ZipFile, member: Member, target: Path) -> str:
    """Write a member to ``target`` and give its sha256; never more bytes than the directory said.

    Raises
    ------
    FileError
        When it is damaged, or is not of the size that the directory states.
    """
    digest, size = hashlib.sha256(), 0
    with archive.open(member.info) as source, target.open("xb") as file:
        while block := source.read(_BLOCK):
            size += len(block)
            if size > member.size:
                break
            digest.update(block)
            file.write(block)
    if size != member.size:
        _refuse(member.name, f"{member.size} bytes were stated, not {size}", "大きさが一覧と一致しません")
    return digest.hexdigest()


def _refuse_odd(info: zipfile.ZipInfo, archive: str) -> None:
    parts = PurePosixPath(info.orig_filename.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in info.orig_filename or "\0" in info.orig_filename:
        _refuse(archive, f"the path {info.orig_filename[:100]!r} leads out of it", "アーカイブ外を指すパスがあります")
    if stat.S_ISLNK(info.external_attr >> 16):
        _refuse(archive, f"{info.filename[:100]!r} is a link", "リンクが含まれています")
    if info.flag_bits & _ENCRYPTED:
        _refuse(archive, f"{info.filename[:100]!r} is encrypted; send it without a password", "暗号化されています")


def _refuse(name: str, en: str, ja: str) -> NoReturn:
    raise FileError(
        f"zip archive '{name}': {en}; send a plain zip of tiles",
        f"zip ファイル '{name}': {ja}。タイルだけの通常の zip を送ってください。",
        file=name,
    )
