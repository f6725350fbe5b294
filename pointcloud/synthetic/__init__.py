"""A synthetic Japanese mountain valley with full truth: surface, ground labels, trees, planted volumes.

::

    scene = valley()                          # 300 m x 300 m, 16 pulses/m2, slopes to 40 degrees
    before = scene.survey("before")           # .cloud, .is_ground, .kind
    after = scene.survey("after", shift=(0.3, -0.2, 0.1))
    scene.surface(x, y, "after")              # true height anywhere
    scene.truth.zones                         # scar: cut 3,500 m3; deposit: fill 2,500 m3, exactly

``survey(bounds=...)`` gives the same points as the whole survey has there, at a cost that grows with the tile and
a margin of some 40 m around it; surveys too large for memory are made in tiles or strips.
"""

from pointcloud.synthetic.scanner import Kind
from pointcloud.synthetic.scene import Epoch, Scene, SyntheticSurvey, Truth, Zone, valley
from pointcloud.synthetic.trees import Species, Stand, Trees

__all__ = ["Epoch", "Kind", "Scene", "Species", "Stand", "SyntheticSurvey", "Trees", "Truth", "Zone", "valley"]
