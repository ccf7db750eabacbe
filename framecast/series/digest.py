"""What names the content of a series: 16 hex digits made of its shape, type, values, range and mask, and not of its name.

Frames are hashed while they stream by, each by itself and so in any thread, and their hashes in order (BLAKE3, "blake3"): a
frame of two megabytes takes 0.3 ms. Series that were stored before 2026-11-25 are named by SHA-256 over all bytes in order
("sha256"); they keep that name, since runs refer to it, and are checked by it.
"""

import hashlib
from typing import Any, Literal

import numpy as np
from blake3 import blake3

Array = np.ndarray[Any, np.dtype[Any]]
Kind = Literal["blake3", "sha256"]
KINDS: tuple[Kind, ...] = ("blake3", "sha256")
NEWEST, OLDEST = KINDS[0], KINDS[-1]
N_DIGITS = 16


class ContentDigest:
    """Fed with what `of_frame` makes of each frame, in order; `finish` is called once."""

    def __init__(self, kind: Kind, frame_shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        start = f"{frame_shape} {np.dtype(dtype).name}".encode()
        self._hasher: Any = blake3(start) if kind == "blake3" else hashlib.sha256(start)

    def add(self, part: bytes | memoryview) -> None:
        self._hasher.update(part)

    def finish(self, n_frames: int, value_range: tuple[float, float], valid: Array | None) -> str:
        self.add(f"{n_frames} {float(value_range[0])!r} {float(value_range[1])!r}".encode())
        if valid is not None:
            self.add(np.packbits(valid).tobytes())
        digits: str = self._hasher.hexdigest()
        return digits[:N_DIGITS]


def of_frame(kind: Kind, pixels: Array) -> bytes | memoryview:
    """What a frame (height, width, channel), its values one after the other in memory, adds to the digest."""
    content = pixels.data.cast("B")
    return blake3(content).digest() if kind == "blake3" else content
