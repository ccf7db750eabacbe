"""A registry is whole for whoever asks first, and for who asks at the same moment."""

import importlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from framecast.errors import UnknownNameError
from framecast.registry import Registry


def test_two_threads_that_ask_first_at_once_both_see_every_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "slow_entries"
    package.mkdir()
    (package / "__init__.py").write_text("registry = None\n")
    for name in "abc":
        (package / f"{name}.py").write_text(
            f"import time; import slow_entries\ntime.sleep(0.05)\nslow_entries.registry.add('{name}', 1)\n"
        )
    monkeypatch.syspath_prepend(str(tmp_path))
    slow_entries = importlib.import_module("slow_entries")
    registry: Registry[int] = Registry("thing", "slow_entries")
    slow_entries.registry = registry
    seen: list[list[str]] = []
    threads = [threading.Thread(target=lambda: seen.append(list(registry))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for name in [name for name in sys.modules if name.startswith("slow_entries")]:
        del sys.modules[name]
    assert seen == [["a", "b", "c"]] * 4


def test_what_is_not_there_is_refused_or_got_as_of_a_dict() -> None:
    registry: Registry[int] = Registry("thing")
    registry.add("a", 1)
    with pytest.raises(UnknownNameError, match="no thing named 'b'. Choose one of: a"):
        registry["b"]
    assert (registry.get("a"), registry.get("b"), registry.get("b", 2)) == (1, None, 2)


@pytest.mark.parametrize("first", ["change", "moving", "sharpness", "ssim"])
def test_the_order_of_entries_is_the_same_whichever_module_was_imported_first(first: str) -> None:
    """Scores are written in it, and a run that is repeated writes the same bytes."""
    code = "from framecast.metrics import METRICS; print(*METRICS)"
    found = [
        subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout
        for words in (code, f"import framecast.metrics.{first}; {code}")
    ]
    assert found[0] == found[1] and len(found[0].split()) > 5
