"""Reports that the disk did not take are kept in memory, the last few of them."""

from types import SimpleNamespace
from typing import Any

import pytest

from framecast.ui import health_view


def test_the_last_reports_are_kept_and_not_all(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[Any, Any] = {}
    asked: list[str] = []
    monkeypatch.setattr(health_view, "_made_here", lambda: made)
    monkeypatch.setattr(health_view, "kept_report", lambda store, digest: None)
    monkeypatch.setattr(health_view, "told_in", lambda slot, words: None)
    monkeypatch.setattr(health_view, "health_report", lambda store, digest, told: asked.append(digest) or f"of {digest}")
    stored = [SimpleNamespace(digest=str(index), created="", value_range=(0, 1)) for index in range(20)]
    for one in (*stored, stored[-1]):
        assert health_view.report_with_progress(None, one, None) == f"of {one.digest}"  # type: ignore[arg-type]
    assert len(asked) == 20 and len(made) == health_view._MOST_REPORTS
