"""A ZIP of pictures. Members are read one by one in memory and never unpacked to disk; their names are only sorted by."""

import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO, cast

from framecast.errors import SeriesError
from framecast.files import bytes_in_words
from framecast.series.readers import pictures
from framecast.series.readers.choice import Contents
from framecast.series.readers.contract import READERS, Reader, Reading, Upload, Wish, readable

WHAT = "a ZIP file"
MAX_MEMBERS = 100_000
MAX_MEMBER_BYTES = 2**29


def is_zip(head: bytes) -> bool:
    """ZIP, empty ones too. An .npz is a ZIP of arrays and has a reader of its own."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06")) and not is_npz(head)


def is_npz(head: bytes) -> bool:
    """A ZIP whose first member is called something.npy."""
    return head.startswith(b"PK\x03\x04") and head[30 : 30 + int.from_bytes(head[26:28], "little")].endswith(b".npy")


def read(files: Sequence[Upload], wish: Wish) -> Reading:
    (file,) = files
    stream = file.open()
    try:
        with readable(file, WHAT):
            archive = zipfile.ZipFile(stream)
        reading = pictures.read(_members(file, archive), wish)
    except BaseException:
        stream.close()
        raise

    def close() -> None:
        archive.close()
        stream.close()

    return replace(reading, close=close)


def look(files: Sequence[Upload]) -> Contents:
    (file,) = files
    with file.open() as stream:
        with readable(file, WHAT):
            archive = zipfile.ZipFile(stream)
        return replace(pictures.look(_members(file, archive)), label=file.label)


def _members(file: Upload, archive: zipfile.ZipFile) -> list[Upload]:
    members = [member for member in archive.infolist() if not member.filename.endswith("/")]
    if not members:
        raise SeriesError(f"{file.label} is an empty ZIP; it must hold at least 2 pictures. Put the frames into it.")
    if len(members) > MAX_MEMBERS:
        raise SeriesError(
            f"{file.label} holds {len(members):,} files; at most {MAX_MEMBERS:,} are read. Split it, or save a video."
        )
    if not all(member.filename for member in members):
        raise SeriesError(f"{file.label} holds a file without a name; every frame needs one. Make the ZIP again.")
    names = Counter(member.filename for member in members)
    name, n_called = names.most_common(1)[0]
    if n_called > 1:
        called = Upload.from_bytes(name, b"").label
        raise SeriesError(f"{file.label} holds two files called {called}; every frame needs a name of its own. Rename one.")
    for member in members:
        if member.flag_bits & 1:
            raise SeriesError(f"{file.label} is locked with a password; it must be readable. Make a ZIP without a password.")
        if member.file_size > MAX_MEMBER_BYTES:
            raise SeriesError(
                f"{file.label} holds a file of {bytes_in_words(member.file_size)}; a picture may have "
                f"{bytes_in_words(MAX_MEMBER_BYTES)} at most. Upload it on its own, outside a ZIP."
            )
    uploads = [_member(archive, member) for member in members]
    if not any(pictures.is_picture(_head(upload)) for upload in uploads if not pictures.ignorable(upload)):
        _refuse(file, uploads)
    return uploads


def _refuse(file: Upload, uploads: Sequence[Upload]) -> None:
    """Nothing in the archive is a picture. One that only claims to be gets the sentence of the picture reader."""
    visible = [upload for upload in uploads if not pictures.ignorable(upload)]
    if any(upload.path.suffix.lower().lstrip(".") in pictures.SUFFIXES for upload in visible):
        return
    others = "one other file" if len(uploads) == 1 else f"{len(uploads)} other files"
    raise SeriesError(
        f"There is no picture in {file.label}, only {others}; it must hold at least 2 pictures. "
        "Upload videos, arrays and stacks on their own, outside a ZIP."
    )


def _head(upload: Upload) -> bytes:
    with readable(upload, "a file in a ZIP"):
        return upload.head(64)


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Upload:
    # A member never gives more bytes than its header says, so that a forged size ends in an error and not in full memory.
    return Upload(member.filename, lambda: cast(BinaryIO, archive.open(member)), n_bytes=member.file_size)


READERS.add("zip", Reader("ZIP of pictures", ("zip",), is_zip, read, look))
