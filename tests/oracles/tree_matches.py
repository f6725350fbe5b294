"""Which detected tree is which true one: pairs taken one by one, the most alike first."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree


def matched(true_x, true_y, true_height, x, y, height, reach=1.6):
    """Index pairs (true, detected), shape (n, 2): within ``reach`` metres, heights alike to a quarter and a metre."""
    pairs = []
    near = cKDTree(np.column_stack((true_x, true_y))).query_ball_point(np.column_stack((x, y)), reach)
    for j, candidates in enumerate(near):
        for i in candidates:
            apart = abs(true_height[i] - height[j])
            if apart < 0.25 * true_height[i] + 1.0:
                pairs.append((np.hypot(true_x[i] - x[j], true_y[i] - y[j]) + 0.15 * apart, i, j))
    true_taken, taken, found = set(), set(), []
    for _, i, j in sorted(pairs):
        if i not in true_taken and j not in taken:
            true_taken.add(i)
            taken.add(j)
            found.append((i, j))
    return np.array(found).reshape(-1, 2)
