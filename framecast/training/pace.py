"""How long a network is trained, in what steps, and on how much of its own forecasts: the first part of TrainingSettings."""

from dataclasses import dataclass

from framecast.settings import Settings, setting

MOST_EPOCHS = 100_000
"""What epochs are set to where another limit is to end the training."""
_FEEDBACK = "Own forecasts in training"


@dataclass(frozen=True)
class PaceSettings(Settings):
    """Budget, learning rate, batch, and what is fed back while training."""

    epochs: int = setting(
        60,
        label="Epochs",
        help="How often the network sees every training window. More is slower; the best moment is kept, so too many do "
        "little harm.",
        minimum=1,
        maximum=MOST_EPOCHS,
    )
    minutes: float = setting(
        0.0,
        label="Time limit",
        help="Stop after this many minutes even if epochs are left; all schedules shrink to fit. 0 means no limit.",
        minimum=0.0,
        maximum=100_000.0,
        unit="min",
    )
    steps: int = setting(
        0,
        label="Step limit",
        help="Stop after this many training steps even if epochs are left, the same on every machine; all schedules "
        "shrink to fit. 0 means no limit.",
        minimum=0,
        maximum=100_000_000,
    )
    learning_rate: float = setting(
        1e-3,
        label="Learning rate",
        help="Size of a training step. Too large: the loss jumps. Too small: nothing is learned in time.",
        minimum=1e-7,
        maximum=1.0,
    )
    batch_size: int = setting(
        4,
        label="Batch size",
        help="Windows per training step. Small batches learn more per minute on a short series.",
        minimum=1,
        maximum=4096,
    )
    unroll: int = setting(
        8,
        label="Unroll",
        help="How many of its own forecasts the network is fed in training, as it will be in the real forecast. 1 is teacher "
        "forcing: it then never learns to live with its own mistakes.",
        minimum=1,
        maximum=200,
    )
    unroll_curriculum: bool = setting(
        True,
        label="Grow the unroll",
        help="Start with one step and double up to the full unroll over the run: 1, 2, 4, 8.",
        advanced=True,
        group=_FEEDBACK,
    )
    burn_in: int = setting(
        0,
        label="Warm-up frames",
        help="Context frames absorbed before the loss starts. 0 means all of the context.",
        minimum=0,
        maximum=1000,
        advanced=True,
        group=_FEEDBACK,
    )
    truncate: int = setting(
        0,
        label="Truncate backpropagation",
        help="Cut the gradient through time every so many frames, to save memory. 0 never cuts.",
        minimum=0,
        maximum=1000,
        advanced=True,
        group=_FEEDBACK,
    )
    pushforward: int = setting(
        0,
        label="Pushforward frames",
        help="Before the frames that are learned from, let the network forecast 0 to this many frames by itself, at "
        "no cost in memory. No better than the unroll in our tests: for frames so large that a long unroll does not "
        "fit.",
        minimum=0,
        maximum=1000,
        advanced=True,
        group=_FEEDBACK,
    )
    sampling: str = setting(
        "off",
        label="Mix truth and forecast",
        help="Scheduled: true frames are given among the own forecasts, fewer and fewer. Reverse: own forecasts are "
        "given among the context frames, fewer and fewer. Meant for recurrent networks and long runs; not measured "
        "here.",
        choices=("off", "scheduled", "reverse"),
        advanced=True,
        group=_FEEDBACK,
    )
    sampling_start: float = setting(
        0.5,
        label="Mixed at the start",
        help="Probability that a frame is exchanged at the start of the run; it falls to 0 over the first 60 % of it.",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
        group=_FEEDBACK,
    )
    input_noise: float = setting(
        0.0,
        label="Input noise",
        help="Noise added to context frames in training, in units of the scaled frame. Worth a try at 0.1: on a flower that "
        "opens and on sea ice the squared error fell by a fifth or more, on moving rain nothing changed.",
        minimum=0.0,
        maximum=10.0,
        advanced=True,
        group=_FEEDBACK,
    )
