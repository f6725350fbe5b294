"""Slow, obvious twins of the kernels in `pointcloud.io.copc_kernels`."""

from __future__ import annotations


def morton(x: int, y: int, z: int, bits: int = 21) -> int:
    """Digits of x, y and z in turn, x lowest."""
    code = 0
    for i in range(bits):
        code |= (x >> i & 1) << 3 * i | (y >> i & 1) << 3 * i + 1 | (z >> i & 1) << 3 * i + 2
    return code


def levels(codes: list[int], leaf_points: int, deepest: int = 14, bits: int = 21, cell_bits: int = 7) -> list[int]:
    """Level of each point: from the finest cells up the middle point of a cell is passed on, unless it is in a leaf."""

    def node(code: int, level: int) -> int:
        return code >> 3 * (bits - level)

    leaf = []
    for code in codes:
        sizes = [sum(node(c, level) == node(code, level) for c in codes) for level in range(deepest + 1)]
        leaf.append(next((level for level, n in enumerate(sizes) if n <= leaf_points), deepest))
    out = list(leaf)
    candidates = sorted(range(len(codes)), key=lambda i: codes[i])
    for level in range(max(leaf) - 1, -1, -1):
        cells: dict[int, list[int]] = {}
        for i in candidates:
            cells.setdefault(codes[i] >> 3 * (bits - cell_bits - level), []).append(i)
        candidates = []
        for members in cells.values():
            chosen = members[len(members) // 2]
            candidates.append(chosen)
            for i in members:
                if i != chosen:
                    out[i] = min(leaf[i], level + 1)
    for i in candidates:
        out[i] = 0
    return out
