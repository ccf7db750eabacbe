"""Checks of the values: whether the range is used and not left, what is masked, what is noise, what is colour."""

from math import ceil

import numpy as np

from framecast.series.health.finding import Finding, Subject, amount, percent

_CROWDED, _NARROW = 0.01, 0.35
_LOST, _FEW, _MANY_FRAMES = 0.01, 0.05, 8
"""Values that use less of the range than the first are lost in it. Whether so it is in nearly all frames, such a share of them
left aside, can be said of that many frames."""
_NOISY, _MOSTLY_NOISE = 0.3, 0.7
_LOOKED_THROUGH, _PIXELS, _FILLED, _FAR = 8, 2**16, 0.001, 2.0
"""So many frames and, in whole rows, so many pixels of each are looked through for a fill value, which makes such a share of
their values and lies so many times as far from the others as these from each other."""


def check_saturation(subject: Subject) -> Finding | None:
    """Values at the upper end of the range in some frames. Of float series too, whose range ends where their values end: that
    many share their greatest value only where something was cut off, as in a picture that was made a double."""
    measures, series = subject.measures, subject.series
    if measures.at_top < _CROWDED:
        return None
    top = amount(series.value_range[1], series.units)
    sentence = f"{percent(measures.at_top)} of the values lie at the upper end of the value range, {top}."
    advice = (
        "If this is a camera, it was overexposed there, and what happened above is lost: expose less next time. In drawn maps "
        "and screens it is no fault."
    )
    return Finding("saturation", "look", sentence, advice)


def check_fill(subject: Subject) -> Finding | None:
    """One value, such as -9999 or 65,535, that lies far from all others: written where nothing was measured. Pictures of 8 bit
    have no such habit."""
    series = subject.series
    if series.frames.dtype == np.uint8:
        return None
    looked = np.unique(np.linspace(0, series.n_frames - 1, min(_LOOKED_THROUGH, series.n_frames)).round().astype(int))
    step = max(1, -(-series.height * series.width // _PIXELS))
    rows = [np.asarray(series.frames[index][::step]) for index in looked]
    values = np.concatenate([(part if series.valid is None else part[series.valid[::step]]).ravel() for part in rows])
    for end in (values.min(), values.max()):
        rest = values[values != end].astype(np.float64)
        share = 1 - len(rest) / len(values)
        if not len(rest) or share < _FILLED:
            continue
        low, high = float(rest.min()), float(rest.max())
        if high > low and max(low - float(end), float(end) - high) > _FAR * (high - low):
            sentence = (
                f"{percent(share)} of the values are {float(end):.6g}, far from all others, {amount(low, '1')} to "
                f"{amount(high, series.units)}: it seems to say that nothing was measured there."
            )
            advice = "It is forecast and scored as if it were real. Write NaN instead and add the series again for a mask."
            return Finding("fill value", "problem", sentence, advice)
    return None


def check_range(subject: Subject) -> Finding | None:
    """Values that use a small part of the range: scores that need a range then look better than they are."""
    measures, series = subject.measures, subject.series
    low, high = float(measures.low.min()), float(measures.high.max())
    if high == low:
        return None
    stretched = subject.share(high - low) >= _LOST
    if stretched:
        n_aside = ceil(_FEW * measures.n_frames) if measures.n_frames >= _MANY_FRAMES else 0
        usual = float(np.sort(measures.low)[n_aside]), float(np.sort(measures.high)[-1 - n_aside])
        stretched = subject.share(usual[1] - usual[0]) < _LOST
        low, high = usual if stretched else (low, high)
    used = subject.share(high - low)
    if used >= _NARROW:
        return None
    sentence = (
        f"{'In nearly all frames the values' if stretched else 'The values'}, {amount(low, series.units)} to "
        f"{amount(high, series.units)}, use {percent(used)} of the value range ({amount(series.value_range[0], '1')} to "
        f"{amount(series.value_range[1], '1')})."
    )
    if used >= _LOST:
        advice = "SSIM and PSNR then look high for any forecast: read the skill instead."
        return Finding("value range", "look", sentence, advice)
    if stretched:
        cure = "leave out by Prepare the frames that stretch the range"
    elif series.frames.dtype == np.uint8:
        cure = "read the skill instead"
    else:
        cure = "change the value range to what the quantity can reach"
    return Finding("value range", "problem", sentence, f"SSIM is then close to 1 and PSNR high for any forecast: {cure}.")


def check_mask(subject: Subject) -> Finding | None:
    if subject.series.valid is None:
        return None
    share = 1 - float(subject.series.valid.mean())
    return Finding("mask", "fine", f"{percent(share)} of the pixels carry no data; they are never learned from nor scored.")


def check_noise(subject: Subject) -> Finding | None:
    found, series = subject.noise, subject.series
    if found.n_rows == 0:
        return None
    if found.level == 0 or subject.share(found.level) < 5e-4:
        return Finding("noise", "fine", "There is next to no noise that changes from pixel to pixel.")
    level = f"{amount(found.level, series.units)}, {percent(subject.share(found.level))} of the value range"
    sentence = f"Noise is about {level}; it makes {percent(found.share)} of what changes from frame to frame."
    if found.share >= _MOSTLY_NOISE:
        advice = "Hardly more than noise changes, and noise cannot be foreseen. A smaller size averages it."
        return Finding("noise", "look", sentence, advice)
    if found.share >= _NOISY:
        return Finding("noise", "look", sentence, "No forecaster can foresee that part; a smaller size averages it.")
    return Finding("noise", "fine", sentence)


def check_grey(subject: Subject) -> Finding | None:
    if not subject.measures.grey:
        return None
    n = subject.series.n_channels
    sentence = f"The frames are grey: their {n} channels are equal."
    return Finding("colour", "look", sentence, f"Make them grey by Prepare: the same forecast for {n} times less data.")
