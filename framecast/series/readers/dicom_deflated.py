"""DICOM files that are deflated as a whole: how long they are inside, found out before they are unpacked at once.

pydicom unpacks such a file into memory before it looks at anything of it, and a megabyte can hold a gigabyte of zeros.
"""

import zlib
from typing import BinaryIO

DEFLATED = b"1.2.840.10008.1.2.1.99"
MOST_BYTES = 2**27
STEP_BYTES = 2**20
LONG_LENGTHS = (b"OB", b"OW", b"OF", b"SQ", b"UT", b"UN")
"""Kinds of values whose length takes four bytes, after two that mean nothing (PS3.5, 7.1.2)."""


def is_too_long(stream: BinaryIO) -> bool:
    """Whether the file, from its start, is deflated and more than MOST_BYTES inside. Damage is left to pydicom."""
    stream.seek(132)
    syntax = b""
    while (head := stream.read(8))[:2] == b"\2\0" and len(head) == 8:
        n_bytes = int.from_bytes(stream.read(4) if head[4:6] in LONG_LENGTHS else head[6:8], "little")
        value = stream.read(min(n_bytes, STEP_BYTES))
        if head[2:4] == b"\x10\0":
            syntax = value.rstrip(b"\0 ")
    return syntax == DEFLATED and _unpacks_to_more(stream, head)


def _unpacks_to_more(stream: BinaryIO, packed: bytes) -> bool:
    unpacking, n_bytes = zlib.decompressobj(-zlib.MAX_WBITS), 0
    try:
        while packed and n_bytes <= MOST_BYTES:
            n_bytes += len(unpacking.decompress(packed, STEP_BYTES))
            packed = unpacking.unconsumed_tail or stream.read(STEP_BYTES)
    except zlib.error:
        return False
    return n_bytes > MOST_BYTES
