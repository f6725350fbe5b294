"""An uploaded archive of tiles becomes datasets: all of them, or none."""

from __future__ import annotations

from api.datasets.archive import Contents, contents, opened, unpack
from api.datasets.names import kind_of
from api.datasets.store import DatasetStore
from api.datasets.tiles import Tile, tile_of
from api.records import DatasetRecord
from api.settings import Settings
from pointcloud.errors import FileError


def unpack_dataset(
    settings: Settings, datasets: DatasetStore, archive: DatasetRecord, stated: Tile
) -> tuple[list[DatasetRecord], Contents]:
    """The datasets that the files of an archive become, and what was in it.

    Parameters
    ----------
    settings, datasets
        Of the service.
    archive
        The dataset of the archive; it stays.
    stated
        What the client says of all its files; the rest follows from their names and folders.

    Raises
    ------
    TengunError
        When the dataset is no archive, or a file in it cannot be used; then none of them stays.
    """
    if archive.kind != "archive":
        raise FileError(
            f"dataset {archive.id} ({archive.name}) is no zip archive, there is nothing to unpack",
            f"データセット {archive.id} ({archive.name}) は zip ではないため展開できません。",
            file=archive.name,
        )
    path = settings.datasets_dir / archive.id / archive.name
    taken: list[DatasetRecord] = []
    with opened(path) as opened_archive:
        found = contents(opened_archive, path)
        datasets.check_space(archive.name, found.size, archive.project_id)
        try:
            for member in found.members:
                with datasets.arriving(member.name, member.size, archive.project_id) as target:
                    digest = unpack(opened_archive, member, target)
                    tile = tile_of(member.path, stated)
                    kind = kind_of(member.name)
                    taken.append(datasets.take_in(target, kind, member.size, digest, archive.project_id, tile))
        except BaseException:
            for record in taken:
                datasets.remove(record.id)
            raise
    return taken, found
