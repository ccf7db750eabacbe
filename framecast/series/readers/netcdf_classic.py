"""How long a classic NetCDF file must be, from its header: the library that reads it fills what is missing with zeros.

The format is in "The NetCDF Classic Format Specification" by Unidata: a magic number, the number of records, then lists of
dimensions, attributes and variables, big-endian throughout.
"""

import math
import struct
from typing import BinaryIO

from framecast.series.readers.laid_out import read_exactly

TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
STREAMING = 2**32 - 1
MAX_ITEMS = 100_000


def bytes_needed(stream: BinaryIO) -> int:
    """The end of the last value. Raises EOFError, ValueError, KeyError or struct.error on a broken header."""
    header = _Header(stream)
    n_records = header.count()
    dims = [_dimension(header) for _ in range(header.items())]
    header.attributes()
    variables = [_variable(header, dims) for _ in range(header.items())]
    records = [(shape, size, begin) for shape, size, begin in variables if shape and shape[0] == 0]
    padded = [-(-size * math.prod(shape[1:]) // 4) * 4 for shape, size, _ in records]
    step = sum(padded) if len(records) != 1 else records[0][1] * math.prod(records[0][0][1:])
    ends = [begin + size * math.prod(shape) for shape, size, begin in variables if not (shape and shape[0] == 0)]
    if n_records not in (0, STREAMING):
        ends += [begin + step * (n_records - 1) + size * math.prod(shape[1:]) for shape, size, begin in records]
    return max(ends, default=0)


class _Header:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        version = read_exactly(stream, 4)[3]
        self._count, self._offset = (">Q" if version == 5 else ">I"), (">I" if version == 1 else ">Q")

    def number(self, layout: str) -> int:
        value: int = struct.unpack(layout, read_exactly(self._stream, struct.calcsize(layout)))[0]
        return value

    def count(self) -> int:
        return self.number(self._count)

    def place(self) -> int:
        return self.number(self._offset)

    def items(self) -> int:
        """Length of the list that begins here; its tag is passed over."""
        self.number(">I")
        n_items = self.count()
        if n_items > MAX_ITEMS:
            raise ValueError(f"{n_items} items in one list")
        return n_items

    def text(self) -> None:
        self.skip(self.count())

    def skip(self, n_bytes: int) -> None:
        if n_bytes > 2**24:
            raise ValueError(f"{n_bytes} bytes in a header")
        read_exactly(self._stream, -(-n_bytes // 4) * 4)

    def attributes(self) -> None:
        for _ in range(self.items()):
            self.text()
            size = TYPE_BYTES[self.number(">I")]
            self.skip(self.count() * size)


def _dimension(header: _Header) -> int:
    header.text()
    return header.count()


def _variable(header: _Header, dims: list[int]) -> tuple[list[int], int, int]:
    """Shape (0 for the axis of records), bytes a value, and where it begins."""
    header.text()
    n_axes = header.count()
    if n_axes > 1024:
        raise ValueError(f"{n_axes} axes")
    shape = [dims[header.count()] for _ in range(n_axes)]
    header.attributes()
    size = TYPE_BYTES[header.number(">I")]
    header.count()  # its own idea of its length, which is wrong beyond 4 GB
    return shape, size, header.place()
