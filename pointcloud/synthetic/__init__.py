"""A synthetic Japanese mountain valley with full truth: surface, ground labels, trees, planted volumes."""

from pointcloud.synthetic.scanner import Kind
from pointcloud.synthetic.scene import Epoch, Scene, SyntheticSurvey, Truth, Zone, valley
from pointcloud.synthetic.trees import Species, Stand, Trees

__all__ = ["Epoch", "Kind", "Scene", "Species", "Stand", "SyntheticSurvey", "Trees", "Truth", "Zone", "valley"]
