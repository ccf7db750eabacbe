"""Where a run begins, when not by chance: with the weights of another run, or with other series to learn from first.

Both may bring frames that are to be forecast. So a record keeps, for every series that its weights have seen in any way, how
many frames from the first one on; a run whose test begins before that is refused. A series counts by its content, and what
FrameCast prepared from it by the frames that it has of it (series/lineage.py), in both directions; a copy in another size or
format that was made elsewhere is another series, and nobody can tell. Of other series the frames that their default split
would hold back are left out, so that a later run may start from this one and forecast one of them.
"""

from collections.abc import Mapping

from safetensors import SafetensorError

from framecast.errors import SettingError
from framecast.forecasters.contract import ForecasterKind, training_span
from framecast.runs.record import RunRecord
from framecast.runs.store import Run
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.series.lineage import Lineage, Spans, first_frames, indices_of, n_known, spans_of, whole
from framecast.series.store import SeriesStore
from framecast.settings import Settings, Value


def inherited_settings(kind: ForecasterKind, forecaster: str, source: Run | None) -> dict[str, Value]:
    """The settings that a run which starts from `source` has from there where nobody chooses others: what the network is."""
    if source is None or source.record.forecaster != forecaster:
        return {}
    recorded = kind.recorded(source.record.settings)
    return {name: recorded[name] for name in kind.inherited if name in recorded}


def check_start(
    kind: ForecasterKind,
    forecaster: str,
    settings: Settings,
    source: Run,
    series: FrameSeries,
    digest: str,
    preparation: Preparation,
    split: Split,
) -> str:
    """What a run on `series` takes over from `source`, as sentences to show. Raises SettingError where it cannot start from
    there: not finished, another forecaster, weights that do not fit, or a test that the weights have seen."""
    title = f"'{source.record.title}'"
    if kind.starting is None:
        raise SettingError(f"{kind.title} cannot start from another run; a network can. Choose a network, or start afresh.")
    if source.state != "finished":
        raise SettingError(f"The run {title} is {source.state}; a run can start from a finished one. Choose another, or wait.")
    if source.record.forecaster != forecaster:
        raise SettingError(
            f"The run {title} is of the forecaster {source.record.forecaster} and this one is of {forecaster}; a network can "
            "start from its own kind only. Choose a run of the same forecaster, or start afresh."
        )
    n_own, n_seen = frames_seen(source.record).get(digest, 0), _n_seen(source, series, digest)
    if n_seen is None:
        raise SettingError(
            f"The run {title} has learned from frames that this series has, too, and since one was prepared by an earlier "
            "FrameCast it is not known which; a forecast must not know the frames it is asked for. Prepare that series once "
            "more with the same steps, then it is known, or start from another run."
        )
    if n_seen > split.test.start:
        most = series.n_frames - n_seen
        advice = f"Hold back at most {most} frames, or start" if most > 0 else "Start"
        through = "" if n_seen == n_own else ", as another one shows them,"
        raise SettingError(
            f"The run {title} has learned from the first {n_seen} frames of this series{through} and the test begins with "
            f"frame {split.test.start + 1}; a forecast must not know the frames it is asked for. {advice} from another run."
        )
    shape = preparation.working_shape(series.height, series.width)
    try:
        sentence = kind.starting(settings, source.saved(), shape, series.n_channels)
    except (OSError, ValueError, LookupError, SafetensorError) as error:
        raise SettingError(
            f"What the run {title} has saved is damaged ({type(error).__name__}); it must be whole to start from. "
            "Choose another."
        ) from error
    if n_seen > training_span(settings, split):
        sentence += (
            " They have seen validation frames of this series before, so that validation scores are flattered; those of the "
            "test are not."
        )
    return sentence


def check_others(
    kind: ForecasterKind,
    settings: Settings,
    series: FrameSeries,
    others: Mapping[str, FrameSeries],
    preparation: Preparation,
    digest: str,
    split: Split,
) -> None:
    """The other series can be learned from by a network that is to forecast `series`. Raises SettingError."""
    if not others:
        return
    if kind.starting is None:
        raise SettingError(f"{kind.title} cannot learn from other series; a network can. Choose a network.")
    shape = preparation.working_shape(series.height, series.width)
    context, block = int(getattr(settings, "context", 1)), int(getattr(settings, "block", 1))
    at_once = f" with {block} frames forecast at once" if block > 1 else ""
    for one, other in others.items():
        if one != digest:  # of which the training frames alone are shown
            _check_apart(series, digest, one, other, split)
        n_frames = other_span(other)
        if n_frames < context + block:
            raise SettingError(
                f"{n_frames} frames of series '{other.name}' can be learned from and a context of {context}{at_once} needs "
                f"{context + block}. Leave this series out, or choose a context of at most {max(1, n_frames - block)}."
            )
        if other.n_channels != series.n_channels and 1 not in (other.n_channels, series.n_channels):
            raise SettingError(
                f"Series '{other.name}' has {other.n_channels} channels and this one has {series.n_channels}; they must be as "
                "many, or one of them grey. Leave this series out."
            )
        their_shape = preparation.working_shape(other.height, other.width)
        if not kind.any_size and their_shape != shape:
            raise SettingError(
                f"{kind.title} is made for one size: series '{other.name}' would be seen at {their_shape[1]} x "
                f"{their_shape[0]} px and this one at {shape[1]} x {shape[0]} px. Leave this series out, or choose "
                "a convolutional network."
            )


def other_span(other: FrameSeries) -> int:
    """Frames of another series that are learned from: all before the test of its default split."""
    return Split.of(other.n_frames).test.start if other.n_frames > 2 else 0


def shown_of_others(
    others: Mapping[str, FrameSeries], digest: str, settings: Settings, split: Split
) -> tuple[FrameSeries, ...]:
    """What a fit is given of the other series. Where the series that is forecast is among them, its training frames only."""
    spans = {one: other_span(other) for one, other in others.items()}
    if digest in spans:
        spans[digest] = min(spans[digest], training_span(settings, split))
    return tuple(other.head(spans[one]) for one, other in others.items())


def seen_before(source: Run | None, others: Mapping[str, FrameSeries], digest: str) -> dict[str, int]:
    """Digest to frames that the weights of a run on series `digest` have seen when it turns to its own frames."""
    seen = dict(frames_seen(source.record)) if source else {}
    for one, other in others.items():
        if one != digest:
            seen[one] = max(seen.get(one, 0), other_span(other))
    return seen


def seen_above(
    source: Run | None, others: Mapping[str, FrameSeries], digest: str, series: FrameSeries, split: Split
) -> dict[str, Spans]:
    """What the weights of a run on series `digest` have seen in the end of series up the line, as far as it is known."""
    lineages: list[Lineage] = [source.record.seen_above] if source else []
    lineages += [first_frames(other.made_of, other_span(other)) for one, other in others.items() if one != digest]
    lineages.append(first_frames(series.made_of, split.test.start))
    seen: dict[str, set[int]] = {}
    for lineage in lineages:
        for one, spans in lineage.items():
            seen.setdefault(one, set()).update(indices_of(spans or ()))
    return {one: spans_of(sorted(indices)) for one, indices in seen.items() if indices}


def frames_seen(record: RunRecord) -> Mapping[str, int]:
    """Digest to frames, from the first one on, that the weights of a finished run have seen."""
    return {**record.seen_before, record.series: max(record.seen_before.get(record.series, 0), record.split.test.start)}


def _n_seen(source: Run, series: FrameSeries, digest: str) -> int | None:
    """How many frames of a series, from the first one on, the weights of a finished run have seen, as this series or as one
    that has frames in common with it; None where nobody knows which those are."""
    mine = {**series.made_of, digest: whole(series.n_frames)}
    store = SeriesStore(source.store.folder.parent)  # where a record from before lineages were kept has its own looked up
    learned: list[Lineage] = [source.record.seen_above]
    learned += [
        {**first_frames(store.lineage(one), n), one: whole(n)} for one, n in frames_seen(source.record).items() if n
    ]
    counts = [n_known(mine, lineage) for lineage in learned]
    known = [count for count in counts if count is not None]
    return max(known) if len(known) == len(counts) else None


def _check_apart(series: FrameSeries, digest: str, one: str, other: FrameSeries, split: Split) -> None:
    """Another series that is learned from shows no test frame of `series`. Raises SettingError."""
    learned = first_frames({**other.made_of, one: whole(other.n_frames)}, other_span(other))
    n_seen = n_known({**series.made_of, digest: whole(series.n_frames)}, learned)
    if n_seen is None:
        raise SettingError(
            f"Series '{other.name}' has frames that this series has, too, and since one was prepared by an earlier FrameCast "
            "it is not known which; a forecast must not know the frames it is asked for. Prepare that series once more with "
            "the same steps, then it is known, or leave the other series out."
        )
    if n_seen > split.test.start:
        most = series.n_frames - n_seen
        advice = f"Hold back at most {most} frames, or leave" if most > 0 else "Leave"
        raise SettingError(
            f"Series '{other.name}' shows the first {n_seen} frames of this series in what would be learned from and the test "
            f"begins with frame {split.test.start + 1}; a forecast must not know the frames it is asked for. {advice} "
            f"'{other.name}' out."
        )
