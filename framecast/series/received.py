"""Files on their way into the store: copied to its disk, so that whoever sent them can free its memory, and gone again at once
when they are stored, refused, or forgotten."""

import shutil
import weakref
from typing import BinaryIO

from framecast.files import storage_errors
from framecast.series.readers.contract import Upload
from framecast.series.store import SeriesStore

COPY_BYTES = 2**22


class Received:
    """Copies of files under names of their own. The folder goes with `discard`, or with this object, or with the process."""

    def __init__(self, store: SeriesStore) -> None:
        self._folder = store.incoming_folder()
        self._gone = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self.uploads: list[Upload] = []

    def take(self, name: str, stream: BinaryIO) -> None:
        """Copy one file. `name`, which may hold folders, is only remembered. Raises StorageError where the disk is full;
        nothing of any file is left then."""
        place = self._folder / f"{len(self.uploads):06}"
        try:
            with storage_errors(place), place.open("wb") as copy:
                shutil.copyfileobj(stream, copy, COPY_BYTES)
        except BaseException:
            self.discard()
            raise
        self.uploads.append(Upload.from_path(place, name))

    def discard(self) -> None:
        self._gone()
        self.uploads = []
