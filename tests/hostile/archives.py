"""ZIP files that explode, lie, nest, climb and overlap."""

import io
import stat
import struct
import zipfile
from collections.abc import Iterator

from tests.hostile.case import Case
from tests.hostile.pictures import frames, png
from tests.series.files import encoded

LINK = (stat.S_IFLNK | 0o777) << 16


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, attributes: int = 0) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members:
            entry = zipfile.ZipInfo(name)
            entry.compress_type, entry.external_attr = method, attributes
            archive.writestr(entry, content)
    return stream.getvalue()


def changed(content: bytes, place_in_local: int, place_in_central: int, value: bytes) -> bytes:
    """The ZIP with a field of its first entry overwritten, in both places where it stands."""
    edited = bytearray(content)
    for begin, place in ((content.index(b"PK\x03\x04"), place_in_local), (content.index(b"PK\x01\x02"), place_in_central)):
        edited[begin + place : begin + place + len(value)] = value
    return bytes(edited)


def cases() -> Iterator[Case]:
    some = frames()
    members = [(f"{i}.png", encoded(frame)) for i, frame in enumerate(some)]
    whole = zipped(*members)
    yield Case.read("zip beside which others are measured", some, whole, "a.zip")
    yield Case.refused("zip of nothing", "is an empty ZIP", zipped(), "a.zip")
    yield Case.refused("zip without a picture", "no picture in", zipped(("a.txt", b"text"), ("b.bin", b"\0\1")), "a.zip")
    yield Case.refused("zip in a zip", "no picture in", zipped(("inner.zip", whole)), "a.zip")
    yield Case.refused("zip cut short", "cannot be read as a ZIP file", whole[:-60], "a.zip")
    yield Case.refused("zip with its middle gone", "cannot be read", whole[:100] + whole[300:], "a.zip")
    yield Case.refused("zip with a password", "locked with a password", changed(whole, 6, 8, b"\x01\0"), "a.zip")
    yield Case.refused("zip of an unknown kind", "cannot be read|method", changed(whole, 8, 10, b"\x63\0"), "a.zip")
    bomb = zipped(("a.png", png(8, 8, bytes(72)) + bytes(160 * 2**20)), *members[1:])
    yield Case.refused("zip bomb", "lies beside its pixels", bomb, "a.zip")
    yield Case.refused("zip bomb of many", "no picture in", zipped(*((f"{i}.bin", bytes(2**22)) for i in range(200))), "a.zip")
    small = changed(zipped(("a.png", png(8, 8, bytes(72)) + bytes(2**26)), *members[1:]), 22, 24, struct.pack("<I", 80))
    yield Case.refused("zip that says it is smaller", "cannot be read|one size|same type", small, "a.zip")
    huge = changed(whole, 22, 24, struct.pack("<I", 2**32 - 2))
    yield Case.refused("zip that says it is larger", "holds a file of 4.0 GiB", huge, "a.zip")
    climbing = zipped(*((f"../../../tmp/{name}", content) for name, content in members))
    yield Case.read("zip that climbs", some, climbing, "a.zip")
    absolute = zipped(*((f"/etc/cron.d/{name}", content) for name, content in members))
    yield Case.read("zip with absolute names", some, absolute, "a.zip")
    links = zipped(*((name, b"/etc/passwd") for name, _ in members), attributes=LINK)
    yield Case.refused("zip of symbolic links", "named like a picture and holds text", links, "a.zip")
    double = zipped(("a.png", members[0][1]), ("b.png", members[2][1])).replace(b"b.png", b"a.png")
    nameless = zipped(*members).replace(members[0][0].encode(), b"\0" + members[0][0].encode()[1:])
    yield Case.refused("zip with a file of no name", "holds a file without a name", nameless, "a.zip")
    yield Case.refused("zip with a name twice", "holds two files called 'a.png'", double, "a.zip")
    yield Case.refused("zip of 100,001 files", "at most 100,000 are read", many(100_001), "a.zip")
    edited = bytearray(zipped(*members, method=zipfile.ZIP_STORED))
    second = edited.index(b"PK\x01\x02", edited.index(b"PK\x01\x02") + 4)
    edited[second + 42 : second + 46] = struct.pack("<I", 0)  # the second entry lies where the first one does
    yield Case.refused("zip whose entries overlap", "cannot be read|holds two", bytes(edited), "a.zip")
    yield Case.refused("zip behind a preface", "holds text|holds something else", b"#!/bin/sh\n" + whole, "a.zip")


def many(n_files: int) -> bytes:
    """A ZIP of so many empty entries that all lie in one place."""
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 5, 0) + b"a.png"
    entries = b"".join(
        struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0) + b"%06d.png" % i
        for i in range(n_files)
    )
    count, size, place = n_files, len(entries), len(local)
    end64 = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, place)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, place + size, 1)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return local + entries + end64 + locator + end
