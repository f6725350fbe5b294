"""Point records: where each PDAL dimension lies in the bytes, and how to read and set it.

References
----------
ASPRS LAS Specification 1.4 R15 (2019), section 2.6 (point formats) and tables 24 and 25 (extra bytes).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pointcloud.dimensions import LASPY_TO_PDAL, ClassCode
from pointcloud.errors import ParameterError
from pointcloud.io.las_formats import NEW_BITS, OLD_BITS, RECORDS

Columns = Mapping[str, NDArray[np.generic]]

EXTRA_BYTES: Final = (b"LASF_Spec", 4)
"""User and record ID of the record that describes extra bytes."""

DESCRIPTOR_SIZE: Final = 192
_TYPES: Final = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")
_SCALE, _OFFSET = 8, 16


@dataclass(frozen=True, slots=True)
class Field:
    """A dimension in the record: a column, perhaps a few bits of it, perhaps scaled.

    Parameters
    ----------
    column
        Name of the column in the record's dtype.
    mask
        Its bits, or 0 where it takes the whole column.
    scale, offset
        Value = stored x scale + offset, or None where the stored value is the value.
    """

    column: str
    mask: int = 0
    scale: float | None = None
    offset: float = 0.0

    @property
    def shift(self) -> int:
        """Place of the lowest bit of the mask."""
        return (self.mask & -self.mask).bit_length() - 1 if self.mask else 0


@dataclass(frozen=True, slots=True)
class Layout:
    """Bytes of a point record and the dimensions in it, by PDAL name; X, Y and Z are not among them.

    Extra bytes that no descriptor explains are in the record but are no dimension.
    """

    point_format: int
    dtype: np.dtype[np.void]
    fields: Mapping[str, Field]
    extras: tuple[str, ...] = ()

    def get(self, points: NDArray[np.void], name: str) -> NDArray[np.generic]:
        """Values of a dimension, contiguous, in its own type; scaled ones in float64."""
        field = self.fields[name]
        stored = points[field.column]
        if field.mask:
            return np.ascontiguousarray((stored & np.uint8(field.mask)) >> np.uint8(field.shift))
        if field.scale is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                return stored * field.scale + field.offset
        return np.ascontiguousarray(stored)

    def unpack(self, points: NDArray[np.void], name: str, out: NDArray[Any]) -> None:
        """As `get`, into an array of the type `kind`."""
        from pointcloud.io import las_kernels

        field = self.fields[name]
        if field.mask:
            las_kernels.bits(points[field.column], field.mask, field.shift, out)
        else:
            out[...] = points[field.column] if field.scale is None else self.get(points, name)

    def kind(self, name: str) -> np.dtype[Any]:
        """Type of the values of a dimension."""
        field = self.fields[name]
        return np.dtype(np.float64) if field.scale is not None else self.dtype[field.column]

    def pack(self, points: NDArray[np.void], columns: Columns) -> None:
        """Put values of dimensions without a scale into records whose bits are all zero; raises as `set`.

        Dimensions that share a byte are put together first: a column of the records is written once.
        """
        shared: dict[str, NDArray[np.uint8]] = {}
        for name, values in columns.items():
            field = self.fields[name]
            _check_range(name, values, points.dtype[field.column], field, self.point_format)
            if field.mask:
                bits: NDArray[np.uint8] = values.astype(np.uint8, copy=False) << np.uint8(field.shift)
                known = shared.get(field.column)
                shared[field.column] = bits if known is None else known | bits
            else:
                points[field.column] = values
        for column, bits in shared.items():
            points[column] = bits

    def set(self, points: NDArray[np.void], name: str, values: NDArray[Any]) -> None:
        """Put values into the records.

        Raises
        ------
        ParameterError
            When a value does not fit the dimension's bits or type, or is not whole where that must be.
        """
        field = self.fields[name]
        kind = points.dtype[field.column]
        if name == "Classification" and self.point_format < 6:
            values = np.where(values == ClassCode.HIGH_NOISE, ClassCode.LOW_NOISE, values)
        if field.scale is not None:
            values = np.rint((values - field.offset) / field.scale)
        _check_range(name, values, kind, field, self.point_format)
        if field.mask:
            column = points[field.column]
            bits = values.astype(np.uint8) << np.uint8(field.shift)
            points[field.column] = (column & np.uint8(0xFF ^ field.mask)) | bits
        else:
            points[field.column] = values


def layout_of(point_format: int, point_size: int, descriptors: bytes = b"") -> Layout:
    """The layout of a format with extra bytes described by the payload of the extra bytes record.

    Descriptors that need more bytes than there are are left out, with all that follow.
    """
    standard = RECORDS[point_format]
    names, kinds = list(standard.names or ()), [standard[n] for n in standard.names or ()]
    places = np.cumsum([0, *(kind.itemsize for kind in kinds[:-1])]).tolist()
    fields = dict(_standard_fields(point_format))
    position, extras = standard.itemsize, []
    for name, kind, count, scales, offsets in _described(descriptors):
        size = np.dtype(kind).itemsize * count if kind else count
        if position + size > point_size:
            break
        for index in range(count if kind else 0):
            own = _unique(name if count == 1 else f"{name}{index}", fields)
            column = f"extra:{own}"
            names.append(column)
            kinds.append(np.dtype(kind))
            places.append(position + index * np.dtype(kind).itemsize)
            fields[own] = Field(column, 0, None if scales is None else scales[index], offsets[index])
            extras.append(own)
        position += size
    dtype: Any = {"names": names, "formats": kinds, "offsets": places, "itemsize": point_size}
    return Layout(point_format, np.dtype(dtype), fields, tuple(extras))


def describe(name: str, dtype: np.dtype[Any]) -> bytes:
    """The descriptor of one extra dimension.

    Raises
    ------
    ParameterError
        When the name is longer than 32 bytes in UTF-8 or the type has no place in LAS.
    """
    label = name.encode("utf-8")
    kind = dtype.str.lstrip("<>|=").replace("b1", "u1")
    if kind not in _TYPES or not 0 < len(label) <= 32:
        raise ParameterError(
            f"LAS extra dimension '{name}' of type {dtype}: expected a name of 1 to 32 bytes and one of {_TYPES}",
            f"LAS の追加属性 '{name}' (型 {dtype}) は書き込めません。名前は 1~32 バイト、型は {_TYPES} の"
            "いずれかです。",
            field=name,
            value=str(dtype),
        )
    return struct.pack("<2xBB32s156x", _TYPES.index(kind) + 1, 0, label)


def undescribed(n_bytes: int) -> bytes:
    """Descriptors of extra bytes that nothing is known of: at most 7 bytes each, under a name of their own.

    The specification allows 255 and no name; laspy 2.7 takes the bits of numbers above 7 for options, and stumbles
    over two dimensions of one name.
    """
    sizes = [7] * (n_bytes // 7) + ([n_bytes % 7] if n_bytes % 7 else [])
    names = (f"undocumented {number}".encode() for number in range(1, len(sizes) + 1))
    return b"".join(struct.pack("<2xBB32s156x", 0, size, name) for size, name in zip(sizes, names, strict=True))


def fitting(payload: bytes, room: int) -> tuple[bytes, int]:
    """The descriptors of a payload that fit into ``room`` bytes, and how many bytes they describe."""
    n_fitting, size = 0, 0
    for _, kind, count, _, _ in _described(payload):
        more = np.dtype(kind).itemsize * count if kind else count
        if size + more > room:
            break
        n_fitting, size = n_fitting + 1, size + more
    return payload[: n_fitting * DESCRIPTOR_SIZE], size


def _standard_fields(point_format: int) -> Iterator[tuple[str, Field]]:
    """Dimensions of a format by PDAL name; waveform fields are kept by their bytes only."""
    shared = OLD_BITS if point_format < 6 else NEW_BITS
    known = LASPY_TO_PDAL.values()
    for column in RECORDS[point_format].names or ():
        for name, mask in shared.get(column, {}).items():
            yield name, Field(column, mask)
        if column in known:
            yield column, Field(column)


def _described(payload: bytes) -> Iterator[tuple[str, str, int, Sequence[float] | None, Sequence[float]]]:
    """Name, type ('' for undocumented bytes), number of values, scales or None, and offsets of each descriptor."""
    for start in range(0, len(payload) - DESCRIPTOR_SIZE + 1, DESCRIPTOR_SIZE):
        number, options, label = struct.unpack_from("<2xBB32s", payload, start)
        scales = struct.unpack_from("<3d", payload, start + 112) if options & _SCALE else (1.0, 1.0, 1.0)
        offsets = struct.unpack_from("<3d", payload, start + 136) if options & _OFFSET else (0.0, 0.0, 0.0)
        own = range((number - 1) // 10 + 1)
        is_scaled = options & (_SCALE | _OFFSET) and all(
            0 < scales[i] < math.inf and math.isfinite(offsets[i]) for i in own if i < 3
        )
        if not 1 <= number <= 30:
            yield "", "", options if number == 0 else 0, None, offsets
        else:
            yield _text(label), _TYPES[(number - 1) % 10], len(own), scales if is_scaled else None, offsets


def _text(label: bytes) -> str:
    """A name in a descriptor: UTF-8, and where that cannot be, CP932."""
    label = label.split(b"\0")[0]
    try:
        return label.decode("utf-8").strip() or "Extra"
    except UnicodeDecodeError:
        return label.decode("cp932", "replace").strip()


def _unique(name: str, taken: Mapping[str, Field]) -> str:
    number, own = 1, name
    while own in taken or own in ("X", "Y", "Z"):
        number += 1
        own = f"{name}_{number}"
    return own


def _check_range(name: str, values: NDArray[Any], kind: np.dtype[Any], field: Field, point_format: int) -> None:
    """Refuse what the stored type cannot hold; a float column holds everything."""
    if kind.kind == "f" or not values.size or (values.dtype == kind and not field.mask):
        return
    fractions = values[np.isfinite(values) & (values != np.rint(values))] if values.dtype.kind == "f" else values[:0]
    if fractions.size:
        raise ParameterError(
            f"LAS point format {point_format}: {name} with fractions, like {fractions[0]}; expected whole numbers",
            f"LAS の {name} は整数です (値 {fractions[0]})。",
            field=name,
            value=float(fractions[0]),
        )
    low, high = values.min(), values.max()
    top = field.mask >> field.shift if field.mask else np.iinfo(kind).max
    bottom = 0 if field.mask else np.iinfo(kind).min
    if not (low >= bottom and high <= top):
        more = "; write LAS 1.4 with point format 6 or higher" if field.mask and point_format < 6 else ""
        more_ja = "LAS 1.4 のポイントフォーマット 6 以上で書き込んでください。" if more else ""
        raise ParameterError(
            f"LAS point format {point_format}: {name} from {low} to {high}; it holds {bottom} to {top}{more}",
            f"LAS ポイントフォーマット {point_format} の {name} は {bottom}~{top} です (値 {low}~{high})。{more_ja}",
            field=name,
            value=[float(low), float(high)],
        )
