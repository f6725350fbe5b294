"""Kernels between records, columns and compressed layers, compiled and as Python. Costs two seconds."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pointcloud.io import las_kernels, laz_kernels
from pointcloud.io.laz import Compressor

Kernel = Callable[..., Any]
FORMS = pytest.mark.parametrize("form", [lambda k: k, lambda k: k.py_func], ids=["compiled", "python"])


def records(n: int) -> NDArray[np.void]:
    """Records with steps of every size and all bits."""
    rng = np.random.default_rng(2)
    made = np.zeros(n, dtype=[("X", "<i4"), ("bits", "u1"), ("Y", "<i4"), ("Z", "<i4")])
    for axis in "XYZ":
        made[axis] = rng.integers(-(2**31), 2**31, n)
    made["bits"] = rng.integers(0, 256, n)
    return made


@FORMS
def test_coordinates_are_steps_times_scale_plus_offset(form: Callable[[Kernel], Kernel]) -> None:
    made, out = records(500), np.empty((3, 500))
    scales, offsets = np.array([0.01, 0.001, 0.25]), np.array([-52000.0, 98500.5, 0.0])
    form(las_kernels.coordinates)(made["X"], made["Y"], made["Z"], scales, offsets, *out)
    for axis, scale, offset, found in zip("XYZ", scales, offsets, out, strict=True):
        np.testing.assert_array_equal(found, made[axis] * scale + offset)  # the same two operations, so the same bits


@FORMS
def test_bits_are_shifted_down(form: Callable[[Kernel], Kernel]) -> None:
    made, out = records(500), np.empty(500, np.uint8)
    form(las_kernels.bits)(made["bits"], 0x38, 3, out)
    np.testing.assert_array_equal(out, made["bits"] // 8 % 8)


@FORMS
def test_steps_are_rounded_to_even_and_their_range_is_told(form: Callable[[Kernel], Kernel]) -> None:
    made, extremes = records(5), np.empty(2)
    values = np.array([0.5, 1.5, -2.5, 7.25, 100.0])
    form(las_kernels.quantise)(values, 1.0, 0.0, made["Y"], extremes)
    np.testing.assert_array_equal(made["Y"], [0, 2, -2, 7, 100])
    np.testing.assert_array_equal(extremes, [-2, 100])


def layer(values: NDArray[np.uint8], kind: int, n_symbols: int, form: Callable[[Kernel], Kernel]) -> bytes:
    """The layer of values of one scanner channel that are all first of two returns."""
    n = len(values)
    symbols, models, out = np.empty(n - 1, np.uint8), np.empty(n - 1, np.uint16), np.empty(2 * n + 16, np.uint8)
    zeros = np.zeros(n, np.uint8)
    if not form(laz_kernels.contexts)(values, zeros, zeros, kind, symbols, models):
        return b""
    counts, shares = np.empty((2, 256, n_symbols), np.uint32)
    with np.errstate(over="ignore"):
        size = form(laz_kernels.encode)(symbols, models, n_symbols, counts, shares, np.zeros((256, 3), np.uint32), out)
    return out[:size].tobytes()


def by_lazrs(values: NDArray[np.uint8]) -> dict[int, bytes]:
    """Class, flag and extra byte layers of lazrs, for records whose class, flags and extra byte are the values."""
    made = np.zeros((len(values), 31), np.uint8)
    made[:, 14] = 0x21
    made[:, 15] = values & 15
    made[:, 16] = made[:, 30] = values
    compressor, stream = Compressor(6, 1, own_chunks=True), io.BytesIO()
    compressor.write_chunks(stream, [made.reshape(-1)])
    compressor.close(stream)
    chunk = stream.getvalue()[8:]
    places = np.cumsum([31 + 44, *struct.unpack_from("<10I", chunk, 35)])
    return {i: chunk[places[i] : places[i + 1]] for i in range(10)}


@FORMS
@pytest.mark.parametrize("spread", [2, 40, 256])
def test_layers_are_those_of_lazrs(form: Callable[[Kernel], Kernel], spread: int) -> None:
    """Long enough for models to be renewed and their counts halved (the compiled run), and for carries."""
    n = 60_000 if form(laz_kernels.encode) is laz_kernels.encode else 1500
    rng = np.random.default_rng(spread)
    values = np.where(rng.random(n) < 0.9, 255 if spread == 256 else 1, rng.integers(0, spread, n)).astype(np.uint8)
    expected = by_lazrs(values)
    assert layer(values, laz_kernels.CLASS, 256, form) == expected[2]
    assert layer(values & np.uint8(15), laz_kernels.FLAGS, 64, form) == expected[3]
    assert layer(values, laz_kernels.EXTRA, 256, form) == expected[9]
