"""A finished run and the truth it is held against: what every file about a forecast is made from.

Frames stay memory maps and pictures are drawn one at a time, so that a film of a long horizon is never held as a whole. The
colour scale of the error is one for all leads, as on the page, so that a file says what the page said.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np

from framecast.drawing.pictures import DisplayRange, Mask, Picture, display_range, error_picture, picture
from framecast.errors import SeriesError, SettingError, UnknownNameError
from framecast.evaluation.error_maps import error_limit, error_map
from framecast.evaluation.scores import ScoreCurve
from framecast.evaluation.verdict import REFERENCE
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.record import RunRecord
from framecast.runs.store import Run
from framecast.series.frames import Frames, FrameSeries
from framecast.series.store import SeriesStore

PANELS = ("truth", "forecast", "error")


@dataclass(frozen=True, eq=False)
class Evidence:
    """`truth` and `forecast` are (lead, height, width, channel) in native units and size, `past` the frames before them."""

    run: Run
    series: FrameSeries
    """Whole, the test frames among it."""
    truth: Frames
    forecast: Frames
    past: Frames
    valid: Mask
    shown: DisplayRange
    units: str
    timestep: timedelta | None
    scores: Sequence[ScoreCurve]
    """Of the run and of the rules that were scored beside it."""
    summary: Mapping[str, object]

    @classmethod
    def of(cls, run: Run, store: SeriesStore) -> "Evidence":
        """Raises SettingError where the run is not finished, StorageError where it is damaged, SeriesError where its series
        was deleted."""
        run.refuse_unfinished("be exported")
        record, forecast = run.record, run.forecast()
        try:
            stored, series = store.info(record.series), store.open(record.series)
        except UnknownNameError:
            raise SeriesError(
                f"The series '{record.series_name}' of run '{run.id}' was deleted; the truth beside a forecast comes from it. "
                "Add its files again."
            ) from None
        return cls(
            run,
            series,
            series.frames[record.split.test.start : record.split.test.stop],
            forecast,
            series.frames[: record.split.test.start],
            series.valid,
            display_range(stored),
            stored.units,
            stored.timestep,
            run.scores(),
            run.summary(),
        )

    @property
    def record(self) -> RunRecord:
        return self.run.record

    @property
    def n_leads(self) -> int:
        return len(self.truth)

    @property
    def title(self) -> str:
        """What the forecaster is called."""
        return FORECASTERS[self.record.forecaster].title

    @cached_property
    def limit(self) -> float:
        """Where the colour scale of the error ends, in units of the series; the same for every lead."""
        return error_limit(self.forecast, self.truth, valid=self.valid)

    @property
    def best_rule(self) -> str | None:
        """The simple rule with the best mean SSIM; None where no other one does anything but repeat the last frame."""
        means = {
            curve.forecaster: float(curve.values.mean())
            for curve in self.scores
            if curve.metric == "ssim" and curve.origin == self.record.split.origin
        }
        own = (self.record.forecaster, REFERENCE)
        rules = [name for name, mean in means.items() if name not in own and mean != means.get(REFERENCE)]
        return max(rules, key=lambda name: means[name], default=None)

    def error(self, index: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        """(height, width): forecast minus truth at lead `index` + 1, the mean over channels; NaN where there are no data."""
        return error_map(self.forecast[index], self.truth[index], valid=self.valid)

    def picture(self, panel: str, index: int) -> Picture:
        """One of PANELS at lead `index` + 1, as the page draws it."""
        if panel == "error":
            return error_picture(np.nan_to_num(self.error(index)), self.limit, self.valid)
        return picture((self.truth if panel == "truth" else self.forecast)[index], self.shown, self.valid)

    def pictures(self, panel: str) -> Iterator[Picture]:
        return (self.picture(panel, index) for index in range(self.n_leads))

    def panel_title(self, panel: str) -> str:
        return self.title if panel == "forecast" else panel.capitalize()

    @property
    def key(self) -> str:
        """What the panels show, where they do not say it by themselves."""
        channels = self.truth.shape[-1]
        words = "error: forecast − truth" + (f", mean of {channels} channels" if channels > 1 else "")
        if channels in (2, 4):
            words += "; truth and forecast: " + ("channel 1" if channels == 2 else "channels 1 to 3")
        return words + ("" if self.valid is None or self.valid.all() else "; ochre: no data")

    @property
    def scales(self) -> str:
        """What the colours of the pictures are in units of the series, as lines: for files that have no scale beside them."""
        units = "" if self.units in ("", "1") else f" {self.units}"
        low, high, limit = (f"{value:.6g}{units}" for value in (self.shown.low, self.shown.high, self.limit))
        ends = "black is {} and white {}" if self.truth.shape[-1] < 3 else "a colour is 0 at {} and full at {}"
        lines = [
            f"Run {self.run.id}: {self.record.title}",
            f"Truth and forecast: {ends.format(low, high)}, evenly between them; what lies beyond has the colour of the end.",
            f"Error: blue is -{limit}, near-white 0 and red +{limit}, evenly between them; what lies beyond has the colour of "
            "the end.",
            f"{self.key[:1].upper()}{self.key[1:]}.",
        ]
        return "\n".join(lines) + "\n"

    def frame_name(self, index: int) -> str:
        """'lead_07_frame_000357': sorts by lead, and says which frame of the series it is, counted from 1."""
        return f"lead_{index + 1:0{len(str(self.n_leads))}d}_frame_{self.record.split.test.start + index + 1:06d}"

    def chosen_leads(self, leads: Sequence[int] | None = None, most: int = 5) -> list[int]:
        """`leads` in order, or by default up to `most` from the first to the last, denser where forecasts go wrong first.
        Raises SettingError on a lead that was not forecast."""
        if leads is None:
            spread = np.geomspace(1, self.n_leads, min(most, self.n_leads))
            return sorted({round(float(lead)) for lead in spread})
        if wrong := [lead for lead in leads if not 1 <= lead <= self.n_leads] or (not leads and [0]):
            raise SettingError(f"Lead {wrong[0]} was not forecast; the leads are 1 to {self.n_leads}. Choose among them.")
        return sorted(set(leads))
