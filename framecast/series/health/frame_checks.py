"""Checks of single frames and of their order: how many, numbered without gaps, each once, and each one of the series."""

from itertools import pairwise

from framecast.series.health.finding import Finding, Severity, Subject, frames_in_words
from framecast.series.health.numbering import Numbering, numbering, timing
from framecast.series.health.odd_frames import PLAIN, cuts, jumps, odd_frames

FEW, ENOUGH = 20, 100
_AGAIN = 3
"""So many frames at the end that are the first ones again make a loop; fewer may be a mistake."""


def check_count(subject: Subject) -> Finding:
    n = subject.n_frames
    said = f"The series has {n:,} frames."
    if n < FEW:
        return Finding("count", "problem", said, f"From {FEW} frames on there is something to learn from. Add frames.")
    if n < ENOUGH:
        return Finding("count", "look", said, "So few favour simple rules over networks; more frames would help most.")
    return Finding("count", "fine", said)


def check_blank(subject: Subject) -> Finding | None:
    """Frames of one value throughout, in a series that is not like that everywhere."""
    flat = subject.measures.low == subject.measures.high
    if not flat.any() or flat.all():
        return None
    frames = tuple(flat.nonzero()[0].tolist())
    one = len(frames) == 1
    sentence = f"{frames_in_words(frames)} {'is' if one else 'are'} blank: every pixel has the same value."
    if len(frames) > 0.2 * subject.n_frames:
        return Finding("blank frames", "look", sentence, "Was nothing seen there? Then they are right as they are.", frames)
    return Finding("blank frames", "problem", sentence, _leave_or_replace(one), frames)


def check_odd(subject: Subject) -> Finding | None:
    """Frames that do not belong. Blank ones have a finding of their own."""
    measures = subject.measures
    frames = tuple(index for index in odd_frames(measures) if measures.low[index] < measures.high[index])
    if not frames:
        return None
    one = len(frames) == 1
    named = ", ".join(f"“{subject.label(index)}”" for index in frames[:4]) if subject.names else ""
    sentence = (
        f"{frames_in_words(frames)}{f' ({named})' if named else ''} {'does' if one else 'do'} not look like "
        f"{'its' if one else 'their'} neighbours, which look like each other."
    )
    advice = f"A title card, a flash, a slip of the camera? {_leave_or_replace(one)}"
    sizes = jumps(measures)
    largest = max(sizes[max(0, index - 1) : index + 1].max() for index in frames)
    return Finding("odd frames", "problem" if largest >= PLAIN else "look", sentence, advice, frames)


def check_cuts(subject: Subject) -> Finding | None:
    measures = subject.measures
    frames = cuts(measures, odd_frames(measures))
    if not frames:
        return None
    where = frames_in_words([index for index in frames]).replace("Frame", "frame")
    sentence = f"The picture changes at once and stays changed at {where}: another recording, or something was moved."
    borders = [0, *frames, subject.n_frames]
    start, stop = max(zip(borders[:-1], borders[1:], strict=True), key=lambda part: part[1] - part[0])
    advice = f"If it was, keep one part only: frames {start + 1:,} to {stop:,} are the longest."
    return Finding("cuts", "look", sentence, advice, keep=(start + 1, stop))


def check_duplicates(subject: Subject) -> Finding | None:
    """Frames that are equal to an earlier one in every pixel."""
    odd = set(odd_frames(subject.measures))  # of a card that was held it is said that it does not belong
    groups = [group for group in subject.measures.duplicates if not odd.issuperset(group)]
    repeats = tuple(sorted(index for group in groups for index in group[1:]))
    if not repeats or len(repeats) == subject.n_frames - 1:
        return None
    distances = {later - earlier for group in groups for earlier, later in zip(group[:-1], group[1:], strict=True)}
    n_copies = f"{len(repeats):,} of {subject.n_frames:,} frames {'is' if len(repeats) == 1 else 'are'}"
    to_the_end = len(repeats) >= _AGAIN and repeats == tuple(range(min(distances), subject.n_frames))
    if len(distances) == 1 and distances != {1} and (to_the_end or len(repeats) >= 0.5 * subject.n_frames):
        sentence = f"{n_copies} an exact copy of the frame {min(distances):,} before: the series is a loop."
        return Finding("duplicates", "look", sentence, "A forecast of a loop is a copy, and tests nothing. Keep one round?")
    first = groups[0]
    example = f"{'' if len(repeats) == 1 else 'the first: '}frame {first[1] + 1:,} equals frame {first[0] + 1:,}"
    sentence = f"{n_copies} an exact copy of an earlier one ({example})."
    if 1 in distances:
        advice = "Did the recording stutter? Then leave the copies out. Where nothing moved, they are right."
    else:
        advice = "Copies that far apart were probably put in by mistake. Leave them out."
    return Finding("duplicates", "look", sentence, advice, repeats)


def check_numbering(subject: Subject) -> Finding | None:
    """Gaps and uneven steps in the numbers or time stamps that are in the names of the files; where names have no time stamps
    and no gap, in the times that are in the files themselves."""
    if len(subject.times) > 2 and all(later < earlier for earlier, later in pairwise(subject.times)):
        sentence = "The times in the files run backwards: every frame was taken before the one that stands before it."
        return Finding("numbering", "problem", sentence, "Forecasts would go into the past. Turn the order round.")
    found = numbering(subject.names)
    if found is None or (found.unit in ("number", "decimal") and not found.missing() and not found.uneven()):
        found = timing(subject.times) or found
    if found is None:
        return None
    what = {"month": "months in the file names", "second": "time stamps in the file names", "stamp": "times in the file"}.get(
        found.unit, "numbers in the file names"
    )
    missing, uneven = found.missing(), found.uneven()
    if not missing and not uneven:
        every = "" if _step(found) == "1" else f", one every {_step(found)}"
        return Finding("numbering", "fine", f"The {what} go on without a gap{every}.")
    run = found.longest_run()
    keep = (run.start + 1, run.stop) if len(run) > 1 else None
    advice = (
        f"Forecasters take all steps as equally long. Add what is missing, or keep the longest part without a gap: frames "
        f"{run.start + 1:,} to {run.stop:,}."
    )
    if len(uneven) > 0.05 * subject.n_frames:
        steps = f"{len(uneven):,} of {subject.n_frames - 1:,} steps are no multiple of {_step(found)}"
        sentence = f"The {what} are uneven: {steps}."
        return Finding("numbering", "problem", sentence, advice, keep=keep)
    n_missing = sum(n for _, n in missing)
    parts = []
    if missing:
        index, n = missing[0]
        are = "frame is" if n_missing == 1 else "frames are"
        first = f"the first {n:,} " if len(missing) > 1 else ""
        place = f"{first}after frame {_named(subject, index)}"
        parts.append(f"By the {what}, {n_missing:,} {are} missing, {place}.")
    if uneven:
        index = uneven[0]
        parts.append(f"The step after frame {_named(subject, index)} is no multiple of {_step(found)}.")
    severity: Severity = "problem" if n_missing > 0.05 * subject.n_frames else "look"
    return Finding("numbering", severity, " ".join(parts), advice, keep=keep)


def _named(subject: Subject, index: int) -> str:
    """'12 (“a12.png”)', without the name where frames have none."""
    return f"{index + 1:,} (“{subject.label(index)}”)" if subject.names else f"{index + 1:,}"


def _leave_or_replace(one: bool) -> str:
    them, their = ("it", "its") if one else ("them", "their")
    return f"Leave {them} out, or put what lies between {their} neighbours in {their} place."


def _step(found: Numbering) -> str:
    """The usual step: '3', '0.05', 'month', '2 months', '6 h', '5 min', '90 s', '8 days', '40 ms'."""
    if found.unit == "decimal":
        return f"{found.usual:.3g}"
    if found.unit == "stamp" and (found.usual < 1 or found.usual % 1):
        return f"{1000 * found.usual:.3g} ms" if found.usual < 1 else f"{found.usual:.3g} s"
    step = int(found.usual) if found.unit == "stamp" else found.step
    if found.unit == "number":
        return f"{found.step:,}"
    if found.unit == "month":
        return "month" if found.step == 1 else f"{found.step:,} months"
    for name, seconds in (("days", 86400), ("h", 3600), ("min", 60)):
        if step % seconds == 0:
            return f"{step // seconds:,} {name}" if (name, step) != ("days", 86400) else "day"
    return f"{step:,} s"
