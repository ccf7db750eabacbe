"""How many scans and pixels a JPEG has, before it is decoded.

Each scan is work over the whole picture, and a hundred bytes can ask for one: half a megabyte could keep a processor busy for
minutes. Within a TIFF the size that a JPEG says is not the one that the TIFF says.
"""

import re

from framecast.errors import SeriesError

JPEG = b"\xff\xd8\xff"
MOST_SCANS = 100
_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_SIZE = re.compile(rb"\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf]...(..)(..)", re.DOTALL)
"""Where a frame begins: how long this part is, bits a value, height, width."""
_MARK = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""The start of a part of the file; what codes pixels holds none."""


def check_scans(content: bytes, what: str) -> None:
    """Raises SeriesError, which begins with `what`, where a JPEG has more scans than any picture needs."""
    if not content.startswith(JPEG) or content.count(_SCAN) <= MOST_SCANS:
        return
    place, n_scans = 2, 0
    while (mark := _MARK.search(content, place)) is not None and mark[0] != _END:
        n_scans += mark[0] == _SCAN
        place = mark.end() + int.from_bytes(content[mark.end() : mark.end() + 2], "big")
    if n_scans > MOST_SCANS:
        raise SeriesError(
            f"{what} a JPEG of {n_scans} scans, and {MOST_SCANS} are read at most; a picture has some ten. Save the picture "
            "again."
        )


def check_part(content: bytes, n_values: int) -> None:
    """The same for a strip or tile of a TIFF, which holds `n_values`. Raises ValueError where it says far more pixels."""
    check_scans(content, "A TIFF file holds")
    for found in _SIZE.finditer(content.split(_SCAN, 1)[0]):
        if int.from_bytes(found[1], "big") * int.from_bytes(found[2], "big") > 2 * n_values + 2**16:
            raise ValueError("a JPEG that is larger than its place")
