"""What files of a survey get of each other, however it is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines import halo
from pipelines.halo import Neighbours
from pointcloud.bounds import Bounds
from pointcloud.cloud import PointCloud
from pointcloud.ground.parameters import GroundParameters, occupied
from pointcloud.ground.thinning import far_points
from pointcloud.io import las
from pointcloud.io.survey import Survey, open_survey

NEAR, REACH = 5.0, 45.0
PARAMETERS = GroundParameters("auto", 1.0, 18.0, 0.1, 0.15, 0.0, 0.3)


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """Four files of 40 m in a row, the third lying 15 m deep in the second, the fourth beyond the first's reach."""
    rng, folder = np.random.default_rng(3), tmp_path_factory.mktemp("row")
    for name, west in (("a", 0), ("b", 40), ("c", 65), ("d", 105)):
        x, y = 52_000 + west + rng.uniform(0, 40, 9000), -98_000 + rng.uniform(0, 40, 9000)
        classes = rng.choice([1, 7, 9], 9000, p=[0.8, 0.1, 0.1]).astype(np.uint8)
        cloud = PointCloud(x, y, rng.uniform(0, 9, 9000), {"Classification": classes})
        las.write(folder / f"{name}.laz", cloud, version="1.4", point_format=6)
    return open_survey([folder], "EPSG:6676")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halo, "near_halo", lambda _: NEAR)
    monkeypatch.setattr(halo, "required_halo", lambda _: REACH)
    monkeypatch.setattr(halo, "EDGE", 5)
    monkeypatch.setattr(halo, "BATCH", 4000)


def places(*clouds: PointCloud) -> set[tuple[float, ...]]:
    return {
        point for cloud in clouds for point in zip(cloud.x.tolist(), cloud.y.tolist(), cloud.z.tolist(), strict=True)
    }


def assert_all_that_count(survey: Survey, index: int, own: Bounds, found: tuple[list[PointCloud], ...]) -> None:
    others = PointCloud.concatenate([las.read(f.path) for i, f in enumerate(survey.files) if i != index])
    is_near = own.buffered(NEAR).contains(others.x, others.y)
    is_far = own.buffered(REACH).contains(others.x, others.y) & ~is_near
    counting = others.take(is_far & far_points(others, 1.0))
    near, beyond = (places(*clouds) for clouds in found)
    assert near == places(others.take(is_near))
    assert places(counting) <= beyond <= places(others.take(is_far))
    assert len(beyond) < 0.6 * np.count_nonzero(is_far)


@pytest.mark.parametrize("way", ["looked at before", "as needed", "no room", "nothing kept"])
def test_near_points_and_those_that_count_beyond(
    survey: Survey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "no room":
        monkeypatch.setattr(halo, "MOST_BYTES", -1)
    neighbours = Neighbours(survey, 1.0, None if way == "nothing kept" else tmp_path)
    if way == "looked at before":
        for index in range(4):
            neighbours.occupied(index, survey.bounds.buffered(1.0))
        assert len(list(tmp_path.iterdir())) == 4
    for index, info in enumerate(survey.files):
        assert_all_that_count(
            survey, index, info.bounds, neighbours.around(range(index, index + 1), info.bounds, PARAMETERS)
        )
    assert list(tmp_path.iterdir()) == [], "the last file needs the others no longer"


def test_the_published_filter_sees_all_points_within_its_reach(survey: Survey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halo, "near_halo", lambda _: REACH)
    own = survey.files[0].bounds
    near, beyond = Neighbours(survey, 1.0, None).around(range(1), own, PARAMETERS)
    inside = [las.read(f.path, bounds=own.buffered(REACH)) for f in survey.files[1:]]
    assert (places(*near), beyond) == (places(*inside), [])


def test_the_spacing_counts_each_point_once(survey: Survey) -> None:
    extent = Bounds(52_010.0, -97_990.0, 52_035.0, -97_970.0)
    found = Neighbours(survey, 1.0, None).occupied(0, extent)
    cloud = las.read(survey.files[0].path, bounds=extent)
    expected = occupied(cloud.take(cloud.attributes["Classification"] != 7))
    assert found.n_points == expected.n_points
    np.testing.assert_array_equal(found.cells, np.sort(expected.cells))
