"""Variogram and sums of correlated cells, the slow and obvious way."""

from __future__ import annotations

import numpy as np


def pair_sums(values, rows, columns, row_steps, column_steps):
    """Sums of half squared differences, of distances, and numbers of pairs, pair by pair."""
    n_bins = row_steps.shape[0]
    sums, lags, counts = np.zeros(n_bins), np.zeros(n_bins), np.zeros(n_bins, dtype=np.int64)
    for b in range(n_bins):
        for r, c, dr, dc in zip(rows, columns, row_steps[b], column_steps[b], strict=True):
            if 0 <= r + dr < values.shape[0] and 0 <= c + dc < values.shape[1]:
                half = 0.5 * (values[r, c] - values[r + dr, c + dc]) ** 2
                if not np.isnan(half):
                    sums[b] += half
                    lags[b] += np.hypot(dr, dc)
                    counts[b] += 1
    return sums, lags, counts


def double_sum(weights, cell, covariance):
    """Sum over all pairs of cells of weight times weight times covariance of their distance."""
    rows, columns = np.indices(weights.shape)
    place = cell * np.column_stack((rows.ravel(), columns.ravel()))
    distance = np.linalg.norm(place[:, None] - place[None, :], axis=2)
    return weights.ravel() @ covariance(distance) @ weights.ravel()
