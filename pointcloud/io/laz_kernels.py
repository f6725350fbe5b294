"""Kernels that compress one layer of a LAZ chunk: LASzip's adaptive arithmetic coder.

References
----------
Said, A. (2004). Introduction to arithmetic coding. HP Laboratories HPL-2004-76 (range coder with carry).
LAZ specification 1.4 R1 (rapidlasso, 2019): symbol models, and the layers of point formats 6 to 10.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointcloud.jit import kernel

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint32]

CLASS, FLAGS, EXTRA = 0, 1, 2
"""Kinds of layers: they differ in what a value's context is. Extra bytes are coded for one scanner channel only:
programs differ in what they remember where the channel changes."""

_LEAST = 1 << 24
_WORD = 0xFFFFFFFF


@kernel
def contexts(
    values: Bytes, channels: Bytes, is_single: Bytes, kind: int, symbols: Bytes, out: NDArray[np.uint16]
) -> bool:
    """Symbols of all points after the first, and the models that they are coded with; whether any value changes.

    A scanner channel remembers its own last value and begins with that of the channel before.
    """
    last, is_known = np.zeros(4, np.uint8), np.zeros(4, np.bool_)
    current = channels[0]
    last[current], is_known[current] = values[0], True
    is_changed = False
    for i in range(1, values.size):
        channel = channels[i]
        if not is_known[channel]:
            last[channel], is_known[channel] = last[current], True
        current = channel
        before, value = last[channel], values[i]
        is_changed |= before != value
        symbol = value
        context = np.int64(0)
        if kind == CLASS:
            context = ((np.int64(before) & 31) << 1) + is_single[i]
        elif kind == FLAGS:
            context = np.int64(before)
        else:
            symbol = np.uint8((np.int64(value) - np.int64(before)) & 255)
        symbols[i - 1], out[i - 1] = symbol, channel * 64 + context
        last[channel] = value
    return is_changed


@kernel
def encode(symbols: Bytes, models: NDArray[np.uint16], n_symbols: int, counts: Words, shares: Words, state: Words,
           out: Bytes) -> int:  # fmt: skip
    """Number of bytes that the symbols take, written into ``out``.

    ``counts`` and ``shares`` (models, n_symbols) and ``state`` (models, 3), which is zero, are room for the models.
    """
    base = np.int64(0)
    length = np.int64(_WORD)
    n = 0
    for i in range(symbols.size):
        model, symbol = models[i], np.int64(symbols[i])
        if state[model, 1] == 0:
            counts[model] = 1
            state[model, 1] = n_symbols
            _renew(counts[model], shares[model], state[model])
            state[model, 1] = state[model, 2] = (n_symbols + 6) >> 1
        low = np.int64(shares[model, symbol])
        if symbol == n_symbols - 1:
            step = low * (length >> 15)
            length -= step
        else:
            length >>= 15
            step = low * length
            length = np.int64(shares[model, symbol + 1]) * length - step
        base += step
        if base > _WORD:
            base &= _WORD
            _carry(out, n)
        while length < _LEAST:
            out[n] = base >> 24
            base, length, n = (base << 8) & _WORD, length << 8, n + 1
        counts[model, symbol] += 1
        state[model, 2] -= 1
        if state[model, 2] == 0:
            _renew(counts[model], shares[model], state[model])
    return _finish(base, length, out, n)


@kernel
def _renew(counts: Words, shares: Words, state: Words) -> None:
    """New shares of the symbols from their counts, which are halved as they grow; ``state``: total, cycle, left."""
    cycle = np.int64(state[1])
    total = np.int64(state[0]) + cycle
    if total > 1 << 15:
        total = np.int64(0)
        for k in range(counts.size):
            counts[k] = (counts[k] + 1) >> 1
            total += np.int64(counts[k])
    scale, below = (1 << 31) // total, np.int64(0)
    for k in range(counts.size):
        shares[k] = (scale * below) >> 16
        below += np.int64(counts[k])
    cycle = min((5 * cycle) >> 2, np.int64((counts.size + 6) << 3))
    state[0], state[1], state[2] = total, cycle, cycle


@kernel
def _carry(out: Bytes, n: int) -> None:
    """Add one to the number that the bytes written so far are."""
    place = n - 1
    while out[place] == 255:
        out[place] = 0
        place -= 1
    out[place] += 1


@kernel
def _finish(base: np.int64, length: np.int64, out: Bytes, n: int) -> int:
    """Write the bytes that tell the last interval from all others, and the zeros that a decoder reads ahead."""
    is_wide = length > 2 * _LEAST
    base += _LEAST if is_wide else _LEAST >> 1
    if base > _WORD:
        base &= _WORD
        _carry(out, n)
    for _ in range(1 if is_wide else 2):
        out[n] = base >> 24
        base, n = (base << 8) & _WORD, n + 1
    n_zeros = 3 if is_wide else 2
    out[n : n + n_zeros] = 0
    return n + n_zeros
