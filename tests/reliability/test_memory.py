"""The memory runs out: the run ends, the memory is given back, the next run works, and what would fit is told."""

import gc
import weakref
from pathlib import Path

import pytest
import torch

from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.runs.jobs import JobManager
from framecast.runs.remedies import in_words, with_remedy
from framecast.runs.store import RunStore
from framecast.training.step import Stepper

from .conftest import fresh_run, stored_waves, tiny, until


@pytest.mark.parametrize(("kind", "words"), [
    (torch.OutOfMemoryError, "CUDA out of memory. Tried to allocate 7.00 GiB"),
    (MemoryError, ""),
    (RuntimeError, "DefaultCPUAllocator: can't allocate memory: you tried to allocate 7516192768 bytes."),
])  # fmt: skip
def test_a_run_that_runs_out_of_memory_ends_and_all_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Exception], words: str
) -> None:
    held: list[weakref.ref[NetworkForecaster]] = []
    gradient = Stepper._gradient

    def full(self, *others):
        """The fourth step asks for more than there is."""
        steps.append(1)
        if len(steps) == 4:
            raise kind(words)
        return gradient(self, *others)

    def noting(self: NetworkForecaster, *others: object, **named: object) -> None:
        held.append(weakref.ref(self))
        init(self, *others, **named)  # type: ignore[arg-type]

    steps: list[int] = []
    init = NetworkForecaster.__init__
    monkeypatch.setattr(Stepper, "_gradient", full)
    monkeypatch.setattr(NetworkForecaster, "__init__", noting)
    series = stored_waves(tmp_path)
    manager = JobManager(tmp_path)
    failing, fitting = manager.submit(tiny(series, batch_size=4)), manager.submit(tiny(series, seed=1))
    until(lambda: not manager.live())
    assert manager.close()
    run = RunStore(tmp_path).open(failing)
    assert run.state == "failed" and RunStore(tmp_path).open(fitting).state == "finished"
    sentence = run.error()
    assert sentence is not None and sentence.startswith("The memory of this machine ran out while U-Net on waves was at work.")
    gc.collect()
    assert held and held[0]() is None, "what held the memory is gone"

    remedies = run.remedies()
    assert {"batch_size": 2} in remedies and all(in_words(remedy) in sentence for remedy in remedies)
    again = with_remedy(run.record, remedies[0])
    assert again.settings["batch_size"] == 2 and again.id != run.id
    assert {**again.settings, "batch_size": 4} == dict(run.record.settings)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="There is no GPU on this machine to fill.")
def test_a_gpu_that_is_really_full_ends_the_run_and_serves_the_next(tmp_path: Path) -> None:
    free, _ = torch.cuda.mem_get_info()
    fill = torch.empty(free - 2**25, dtype=torch.uint8, device="cuda")
    from dataclasses import replace

    record = replace(tiny(stored_waves(tmp_path), batch_size=16, width=64), device="cuda")
    manager = JobManager(tmp_path)
    failing = manager.submit(record)
    until(lambda: not manager.live())
    assert RunStore(tmp_path).open(failing).state == "failed"
    del fill
    torch.cuda.empty_cache()
    second = manager.submit(replace(record, id=record.id + "b", seed=1))
    until(lambda: not manager.live())
    assert RunStore(tmp_path).open(second).state == "finished" and manager.close()


def test_a_run_tells_no_remedy_where_nothing_smaller_is_left(tmp_path: Path) -> None:
    from framecast.runs.remedies import remedies_for_memory

    run = fresh_run(tmp_path, batch_size=1)
    assert remedies_for_memory(run) == ()
