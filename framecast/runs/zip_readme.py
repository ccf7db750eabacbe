"""What the ZIP of a run says about itself to whoever opens it: which run it is, what is in it, and what is not.

A ZIP without its series looks whole until somebody brings it in, and by then the machine that it came from may be gone. So
what stayed behind, and what the run itself could not make, stands in README.txt with the reason.
"""

from collections.abc import Iterator, Mapping, Sequence

from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.run_folder import Run


def readme(run: Run, here: Mapping[str, str], along: Sequence[str], left_out: Sequence[str]) -> str:
    """The text. `here` are the series that are stored, digest to name, `along` the digests of those that came along, and
    `left_out` the paths in the folder of the run of what is no file of a run."""
    record = run.record
    inside = [f"{run.id}/: the run", *(f"series/{digest}/: the series '{here[digest]}'" for digest in along)]
    missing = [*_series(run, here, along), *_of_the_run(run), *(f"{path}: it is no file of a run." for path in left_out)]
    lines = [
        record.title,
        "",
        f"A run of FrameCast: {_title(record.forecaster)} on {record.series_name}, {run.state}. To bring it in on another",
        "machine, leave this ZIP as it is and import it on the page Runs, or by: python -m framecast runs import FILE",
        "",
        "In this ZIP:",
        *(f"- {one}" for one in inside),
        "",
        "Not in this ZIP:" if missing else "Nothing was left out of it.",
        *(f"- {one}" for one in missing),
    ]
    return "\n".join(lines) + "\n"


def _series(run: Run, here: Mapping[str, str], along: Sequence[str]) -> Iterator[str]:
    for digest in run.record.all_series:
        if digest in along:
            continue
        own = digest == run.record.series
        name = run.record.series_name if own else here.get(digest)
        named = f"'{name}' ({digest})" if name else digest
        use = "the run forecasts" if own else "the run learned from first"
        why = "it was not asked for. Export the run with its series" if digest in here else "it was deleted before"
        yield f"The series {named}, which {use}: {why}."


def _of_the_run(run: Run) -> Iterator[str]:
    """What the run has not, or has elsewhere."""
    summary = run.summary_if_whole()
    if run.state != "finished":
        yield f"A result: the run is {run.state}."
    for name, reason in dict(summary.get("left_out", {})).items():
        yield f"{_title(name)}, which could not be made or scored: {reason}"
    if run.staged() is not None:
        yield "The training that went on beside the result: it had not ended."
    if run.record.start_from:
        yield f"The run {run.record.start_from}, which it started from: export that one, too, to repeat the training."


def _title(name: str) -> str:
    return FORECASTERS[name].title if name in FORECASTERS else name
