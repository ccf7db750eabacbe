"""The player of the Compare page: truth, forecast, error, and up to three other forecasts beside them, for every lead.

The player is drawn at once and then fed: first the leads around the one shown, then the values of the frame that rests, then
the others. What the browser says it has is not sent again.
"""

from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import streamlit as st

from framecast.drawing.colours import error_lut, spread_lut
from framecast.drawing.film import HISTORY, Film
from framecast.drawing.pictures import display_range
from framecast.drawing.played import PERCENTILE
from framecast.errors import StorageError
from framecast.evaluation.error_maps import error_limit
from framecast.evaluation.scores import ScoreCurve
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.filming import dated_forecast, film_version, forecast_version, read_film, write_film
from framecast.runs.store import Run
from framecast.series.frames import Frames, FrameSeries
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui import frame_parts, state
from framecast.ui.beside import Shown, beside, shown_forecast
from framecast.ui.ended_run import DELETED
from framecast.ui.feeding import feeding
from framecast.ui.frame_parts import Comparison
from framecast.ui.pixel_view import pixel_view
from framecast.ui.plain_pictures import plain_pictures, wants_plain
from framecast.ui.player import Part, feed, mask, pack, player
from framecast.ui.player_view import MODES, PlayerView
from framecast.ui.region_view import region_view
from framecast.ui.resources import workspace

HEIGHT_PX = 560
PLAYED_PER_SECOND = 10
MOST_HISTORY = 200
"""Observed frames that are played before the forecast, at most; at first it is those that a film has."""
JUDGED_BY = "ssim"
_SEEN = "addresses_of_players"


def frames_view(run: Run, stored: StoredSeries | None, store: SeriesStore) -> int:
    """Draw the player of a finished run and return the lead shown, from 1. `stored` is its series, None where that was
    deleted: then a sentence stands in its place."""
    if stored is None:
        st.warning(f"{DELETED}, so its forecast cannot be shown beside the truth. The scores remain.")
        return 1
    series = store.open(stored.digest)
    forecast, version = dated_forecast(run)
    film = _film(str(workspace()), run.id, film_version(run), version, run, forecast, series, stored)
    if film is None and not FORECASTERS.ready:
        return 1  # what it is called is not known yet
    what = Comparison(str(workspace()), run, stored, series, film)
    _follow_address(run)
    shown = [shown_forecast(run, forecast, version, film)]
    with st.container(horizontal=True, vertical_alignment="center"):
        if FORECASTERS.ready:
            shown += beside(run, what.series)
        plain = FORECASTERS.ready and wants_plain()
    if plain:
        return plain_pictures(what, shown)
    key = _key(run)
    head = _header(what, shown)
    drawn_before = key in st.session_state
    awake = FORECASTERS.ready
    if not drawn_before:
        st.session_state[f"{key}_begin"] = st.session_state.get(f"{key}_shown")
    begin: PlayerView | None = st.session_state.get(f"{key}_begin")
    begins = {"begin": begin and begin.to_mapping(), "life": _life(key), "tell": not awake}
    said = player(pack({**head, **begins}, _mask(what)), key=key)
    view = PlayerView.of(
        said, horizon=what.split.horizon, history=_first_history(what), most_history=_most_history(what),
        size=(stored.width, stored.height), channels=[name for name, _ in _channels(stored.n_channels)],
    )  # fmt: skip
    st.session_state[f"{key}_life"] = view.life
    if said:
        st.session_state[f"{key}_shown"] = view
    elif begin:
        view = begin.of_another_life()
    lead, mode = _wanted(run, view, what.split.horizon)
    fed = feeding(key, view, drawn_before=drawn_before)
    with st.container(key="player_feed"):
        for packet_name, parts in _packets(what, shown, view, lead, mode, only_first=not awake and not said):
            fed.send(f"compare_{run.id}", packet_name, parts, view, f"{key}_{packet_name}")
    if not awake:
        return max(1, lead)
    _keep_in_address(run, lead, mode, said=bool(said))
    if film is None:
        with suppress(StorageError):  # a disk that takes nothing is no reason to show nothing
            write_film(run, forecast, series, stored, frame_parts.film_made(what, shown[0], 1 - _first_history(what)))
    pixel_view(what, shown, view, max(1, lead))
    region_view(what, shown, view, max(1, lead))
    return max(1, lead)


def yet_to_be_seen(run: Run) -> bool:
    """Whether the player of this run was drawn, and has not said that it shows something."""
    key = _key(run)
    return key in st.session_state and not _life(key)


def _key(run: Run) -> str:
    return f"compare_player_{run.id}"


@st.cache_resource(max_entries=4, show_spinner=False)
def _film(
    workspace: str,
    run_id: str,
    written: int,
    version: int,
    _run: Run,
    _forecast: Frames,
    _series: FrameSeries,
    _stored: StoredSeries,
) -> Film | None:
    return read_film(_run, _forecast, _series, _stored)


def _header(what: Comparison, shown: list[Shown]) -> dict[str, object]:
    stored, split = what.stored, what.split
    drawn = display_range(stored)
    channels = _channels(stored.n_channels)
    limit = _spread_limit(what)
    spread_note = "how far off it may be" + (", mean of channels" if stored.n_channels > 1 else "")
    return {
        "name": f"compare_{what.run.id}",
        "n": split.horizon,
        "width": stored.width,
        "height": stored.height,
        "room": HEIGHT_PX,
        "framesPerSecond": PLAYED_PER_SECOND,
        "compare": {
            "origin": split.test.start,
            "window": [drawn.low, drawn.high],
            "units": "" if stored.units in ("", "1") else stored.units,
            "channelNames": {1: [""], 2: ["1", "2"], 3: ["R", "G", "B"], 4: ["R", "G", "B", "4"]}[stored.n_channels],
            "channels": channels,
            "percentile": PERCENTILE,
            "history": _first_history(what),
            "mostHistory": _most_history(what),
            "marks": _marks(what.run),
            "luts": {"signed": error_lut().tolist(), "magnitude": spread_lut().tolist()},
            "truthNote": {2: "channel 1 of 2", 4: "channels 1 to 3 of 4"}.get(stored.n_channels, "what was observed"),
            "forecasters": [{"name": one.name, "title": one.title, "note": one.note, "colour": one.colour} for one in shown],
            "spread": {"source": frame_parts.spread_name(what), "note": spread_note, "limit": limit} if limit else None,
        },
    }


def _packets(
    what: Comparison, shown: list[Shown], view: PlayerView, lead: int, mode: str, *, only_first: bool
) -> Iterator[tuple[str, list[Part]]]:
    """What the player needs for what it shows, the most urgent first, or only what its first picture needs. Lazy: what is not
    asked for is not encoded."""
    spread = what.run.spread()
    by_ssim = view.channel if view.error == "ssim" else None
    yield "samples", [frame_parts.truth_sample(what), *(frame_parts.forecast_sample(what, one) for one in shown)]
    first, here = 1 - _most_history(what), what.chunk_of(lead)
    wanted = range(what.chunk_of(1 - view.history), what.chunk_of(what.split.horizon) + 1)
    for chunk in sorted(wanted, key=lambda one: (one != here, one < here, one)):
        leads = what.leads_of(chunk, first)
        yield f"truth_{chunk}", [frame_parts.truth_part(what, leads)]
        if chunk >= 0:
            for place, one in enumerate(shown):
                yield f"{one.name}_{chunk}", [frame_parts.forecast_part(what, one, leads)]
                if (place == 0 or mode == "difference") and not what.exact:
                    yield f"error_{one.name}_{chunk}", [frame_parts.error_part(what, one, leads)]
            if spread is not None:
                yield f"spread_{chunk}", [frame_parts.spread_part(what, spread, _spread_limit(what), leads)]
        if only_first:
            return
        if chunk == here and not what.exact:
            yield "resting", frame_parts.resting_parts(what, shown, lead, by_ssim, spread)
    if by_ssim is not None:
        with st.spinner("Computing SSIM maps ..."):
            for chunk in sorted((one for one in wanted if one >= 0), key=lambda one: (one != here, one)):
                for one in shown if mode == "difference" else shown[:1]:
                    leads = what.leads_of(chunk, first)
                    yield f"ssim_{by_ssim}_{one.name}_{chunk}", frame_parts.ssim_parts(what, one, by_ssim, leads)


def _mask(what: Comparison) -> list[Part]:
    return [] if what.series.valid is None else [mask(what.series.valid)]


def _life(key: str) -> str:
    return str(st.session_state.get(f"{key}_life", ""))


def _most_history(what: Comparison) -> int:
    return min(MOST_HISTORY, what.split.test.start)


def _first_history(what: Comparison) -> int:
    return min(HISTORY, _most_history(what))


def _channels(n_channels: int) -> list[tuple[str, str]]:
    """Value and label of what can be looked at."""
    if n_channels == 1:
        return [("all", "grey")]
    if n_channels == 2:
        return [("all", "all"), ("0", "1"), ("1", "2")]
    fourth = [("3", "4")] if n_channels > 3 else []
    return [("all", "all"), ("0", "R"), ("1", "G"), ("2", "B"), *fourth, ("luminance", "luminance")]


def _marks(run: Run) -> dict[str, int]:
    """The leads of the best, the median and the worst SSIM of this run."""
    values = next((curve.values for curve in run.scores() if _is_own(curve, run)), np.zeros(1))
    order = np.argsort(-values, kind="stable") + 1
    return {"best": int(order[0]), "median": int(order[(len(order) - 1) // 2]), "worst": int(order[-1])}


def _is_own(curve: ScoreCurve, run: Run) -> bool:
    return (curve.forecaster, curve.metric) == (run.record.forecaster, JUDGED_BY)


def _spread_limit(what: Comparison) -> float:
    """The end of the scale of the spread, 0 of a run that has none."""
    spread = what.run.spread()
    return 0.0 if spread is None else _limit_of(what.workspace, what.run.id, forecast_version(what.run), spread, what)


@st.cache_resource(max_entries=16, show_spinner=False)
def _limit_of(workspace: str, run_id: str, version: int, _spread: Frames, _what: Comparison) -> float:
    nothing = np.broadcast_to(np.zeros((), np.float32), _spread.shape)
    return error_limit(_spread, nothing, signed=False, valid=_what.series.valid)


def _wanted(run: Run, view: PlayerView, horizon: int) -> tuple[int, str]:
    """The lead and the mode of the player: those it says, or those of a jump that it has yet to hear of, which it is told."""
    jump = state.jump_of(run.id)
    if jump is None or jump.number == view.jump:
        return view.lead, view.mode
    lead = min(horizon, max(1, jump.lead))
    with st.container(key="player_feed_jump"):
        command = {"number": jump.number, "lead": lead, "mode": jump.mode}
        feed(pack({"to": f"compare_{run.id}", "command": command}), key=f"jump_{run.id}")
    return lead, jump.mode or view.mode


def _follow_address(run: Run) -> None:
    """Go where `?lead=` and `?mode=` say, unless that was written there by this session: the browser may still be sending an
    address that is some steps old."""
    asked = (st.query_params.get("lead", ""), st.query_params.get("mode", ""))
    if asked not in _written(run) and any(asked):
        lead, mode = asked
        state.show_lead(run.id, int(lead) if lead.isdecimal() and len(lead) < 7 else 1, mode if mode in MODES else None)
    _written(run).add(asked)


def _keep_in_address(run: Run, lead: int, mode: str, *, said: bool) -> None:
    """Write what is shown into the address once the player has spoken, so that a reload or a link shows the same."""
    if not said:
        return
    words = (str(max(1, lead)), mode)
    for name, word in zip(("lead", "mode"), words, strict=True):
        if st.query_params.get(name) != word:
            st.query_params[name] = word
    _written(run).add(words)


def _written(run: Run) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = st.session_state.setdefault(_SEEN, {}).setdefault(run.id, set())
    return found
