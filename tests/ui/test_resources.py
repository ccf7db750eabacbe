"""What all sessions share."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from framecast.ui import resources


@pytest.fixture
def thawed() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()
    resources.wake.clear()


class _Ring:
    def __init__(self) -> None:
        self.itself = self


def test_what_imports_made_is_not_looked_through_for_garbage_at_every_rerun(thawed: None) -> None:
    resources.wake.clear()
    before = len(gc.get_objects())
    resources.wake()
    assert len(gc.get_objects()) < before / 10
    later = weakref.ref(_Ring())
    gc.collect()
    assert later() is None, "what came later is"
