"""Rounding as quantity sheets do it: 四捨五入 on the decimal digits, never to the even neighbour."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal


def half_up(value: float | Decimal, digits: int) -> Decimal:
    """The value with ``digits`` decimals, halves away from zero; a float counts as its shortest decimal text.

    So 0.125 to two digits is 0.13, where Python's ``round`` gives 0.12. Never minus zero.
    """
    decimal = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    rounded = decimal.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return abs(rounded) if rounded == 0 else rounded


def rounded_text(value: float, digits: int) -> str:
    """`half_up` as text, for long tables: several times as fast, as only halves need their decimal digits."""
    scaled = abs(value) * 10.0**digits
    if abs(scaled - math.floor(scaled) - 0.5) < 1e-6 + 1e-15 * scaled:
        return str(half_up(value, digits))
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if scaled < 0.5 else text
