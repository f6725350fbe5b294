"""The synthetic valley keeps its word: what it says is true of its points can be measured in them."""

from __future__ import annotations

import numpy as np

from pointcloud.bounds import Bounds
from pointcloud.synthetic import valley


def test_ground_points_lie_on_the_true_surface() -> None:
    scene = valley()
    x, y = scene.bounds.x_min + 100.0, scene.bounds.y_min + 100.0
    survey = scene.survey("before", bounds=Bounds(x, y, x + 40.0, y + 40.0))
    cloud = survey.cloud
    residual = (cloud.z - scene.surface(cloud.x, cloud.y, "before"))[survey.is_ground]
    # 0.035 m of range noise, 0.05 m in the plane times a slope of up to 0.84, 0.015 m of boresight
    assert np.sqrt(np.mean(residual**2)) < 0.08
