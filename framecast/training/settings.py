"""How a network is trained. Every schedule is a fraction of the budget, so that a short run is a small copy of a long one."""

from dataclasses import dataclass
from typing import ClassVar

from framecast.errors import SettingError
from framecast.settings import Settings, setting

SMALLEST_CROP = 16
_FEEDBACK = "Own forecasts in training"
_FORM = "What the network sees and says"
_CHOICE = "Which weights are kept"
_LOSS = "Loss"
_WINDOWS = "Windows"
_OPTIMISER = "Optimiser"


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """The defaults are the recipe that won on short series: residual form, own forecasts fed back inside the loss with a
    growing unroll, small batches, AdamW with warm-up and cosine, then a refit on all history. Controls that are
    off gave nothing sure on short series, or were not measured; each says in its help when it may."""

    epochs: int = setting(
        60,
        label="Epochs",
        help="How often the network sees every training window. More is slower; the best moment is kept, so too many do "
        "little harm.",
        minimum=1,
        maximum=100_000,
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
    residual: bool = setting(
        True,
        label="Forecast the change",
        help="The network gives the change from the last frame and starts at no change, which is persistence. Off: it must "
        "paint each frame from nothing.",
        advanced=True,
        group=_FORM,
    )
    normalise: bool = setting(
        True,
        label="Scale values",
        help="Bring each channel to mean 0 and spread 1, measured on the training frames only.",
        advanced=True,
        group=_FORM,
    )
    subtract_mean: bool = setting(
        False,
        label="Subtract the mean frame",
        help="The network sees each frame as its difference from the mean of the training frames. May help where the "
        "place never changes; it costs where things move, because the mean frame does not move along.",
        advanced=True,
        group=_FORM,
    )
    clamp: bool = setting(
        True,
        label="Clamp to what was seen",
        help="Keep forecast values between the lowest and highest value observed before, so that a rollout cannot blow up.",
        advanced=True,
        group=_FORM,
    )
    zero_block: bool = setting(
        False,
        label="Push zeros before forecasting",
        help="Repeats the mistake of the question: a block of zero frames, as long as the horizon, goes through the warmed "
        "state before the forecast starts.",
        advanced=True,
        group=_FORM,
    )
    validation: bool = setting(
        True,
        label="Choose by validation",
        help="Forecast the validation frames during training and keep the weights that did best there. Off: train on them too "
        "and keep the last weights.",
        advanced=True,
        group=_CHOICE,
    )
    select_by: str = setting(
        "ssim",
        label="Best means",
        help="The score of the validation forecast that decides which weights are kept.",
        choices=("ssim", "mse"),
        advanced=True,
        group=_CHOICE,
    )
    refit: bool = setting(
        True,
        label="Refit on all history",
        help="After validation has told how long to train, train afresh on training and validation frames together for just "
        "that long. Takes up to as long again; on short series nothing else helps as much.",
        advanced=True,
        group=_CHOICE,
    )
    averaging: float = setting(
        0.0,
        label="Average the weights",
        help="Forecast with a running mean of the weights over about this share of the run, such as 0.1. It changed "
        "nothing in our tests, as the learning rate falls to zero anyway. 0 is off.",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
        group=_CHOICE,
    )
    loss: str = setting(
        "l1+mse",
        label="Loss",
        help="What training makes small: absolute error, squared error, both, or MATLAB's half sum of squares.",
        choices=("l1+mse", "mse", "l1", "half sum of squares"),
        advanced=True,
        group=_LOSS,
    )
    l1_weight: float = setting(
        1.0,
        label="Weight of the absolute error",
        help="Counts where the loss has an absolute error.",
        minimum=0.0,
        maximum=1e6,
        advanced=True,
        group=_LOSS,
    )
    mse_weight: float = setting(
        1.0,
        label="Weight of the squared error",
        help="Counts where the loss has a squared error.",
        minimum=0.0,
        maximum=1e6,
        advanced=True,
        group=_LOSS,
    )
    ssim_weight: float = setting(
        0.0,
        label="Weight of SSIM",
        help="Adds 1 - SSIM to the loss, so that structure counts beside grey levels. 0.1 and 0.3 changed next to "
        "nothing within a minute; steps take a little longer. 0 leaves it out.",
        minimum=0.0,
        maximum=1e6,
        advanced=True,
        group=_LOSS,
    )
    gradient_weight: float = setting(
        0.0,
        label="Weight of edges",
        help="Adds the error of the differences between neighbouring pixels to the loss, which asks for sharp edges. "
        "0.3 changed next to nothing within a minute. 0 leaves it out.",
        minimum=0.0,
        maximum=1e6,
        advanced=True,
        group=_LOSS,
    )
    crop: int = setting(
        0,
        label="Random crops",
        help="Train on random squares with sides of this many pixels of the working size. There are up to twice as "
        "many steps a minute, but what enters from outside is not seen: moving rain was forecast a quarter worse. 0 shows "
        "the whole frame.",
        minimum=0,
        maximum=100_000,
        unit="px",
        advanced=True,
        group=_WINDOWS,
    )
    flips: bool = setting(
        False,
        label="Random mirror images",
        help="Show half of the windows mirrored left to right, and half upside down. Off, because a series usually has "
        "a direction: a wind, a season, gravity.",
        advanced=True,
        group=_WINDOWS,
    )
    turns: bool = setting(
        False,
        label="Random quarter turns",
        help="Show windows turned by 0, 90, 180 or 270 degrees; frames that are not square by 0 or 180. Off, for the "
        "same reason as mirror images.",
        advanced=True,
        group=_WINDOWS,
    )
    shuffle: str = setting(
        "each epoch",
        label="Shuffle windows",
        help="Put the training windows in a new order each epoch, or once at the start as MATLAB does.",
        choices=("each epoch", "once"),
        advanced=True,
        group=_WINDOWS,
    )
    drop_last: bool = setting(
        False,
        label="Drop incomplete batch",
        help="Leave out the windows that do not fill a whole batch, as MATLAB does.",
        advanced=True,
        group=_WINDOWS,
    )
    optimizer: str = setting(
        "adamw",
        label="Optimiser",
        help="AdamW, or Adam as in the question.",
        choices=("adamw", "adam"),
        advanced=True,
        group=_OPTIMISER,
    )
    weight_decay: float = setting(
        0.01,
        label="Weight decay",
        help="Pull of the weights towards zero.",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
        group=_OPTIMISER,
    )
    pretraining_share: float = setting(
        0.5,
        label="Share for other series",
        help="Where a run also learns from other series: the share of time, epochs and steps for them, which comes first.",
        minimum=0.05,
        maximum=0.95,
        advanced=True,
        group=_WINDOWS,
    )
    schedule: str = setting(
        "cosine",
        label="Learning rate schedule",
        help="Cosine falls smoothly to zero; piecewise drops in steps, as in the question; constant does not fall.",
        choices=("cosine", "piecewise", "constant"),
        advanced=True,
        group=_OPTIMISER,
    )
    warmup: float = setting(
        0.05,
        label="Learning rate warm-up",
        help="Share of the run in which the learning rate rises from zero.",
        minimum=0.0,
        maximum=0.9,
        advanced=True,
        group=_OPTIMISER,
    )
    drop_factor: float = setting(
        0.2,
        label="Drop factor",
        help="Piecewise schedule: the learning rate is multiplied by this at each drop.",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
        group=_OPTIMISER,
    )
    drop_every: float = setting(
        125 / 300,
        label="Drop every",
        help="Piecewise schedule: share of the run between drops. 125 of 300 epochs is 0.4167.",
        minimum=0.001,
        maximum=1.0,
        advanced=True,
        group=_OPTIMISER,
    )
    clip: float = setting(
        1.0,
        label="Gradient threshold",
        help="Gradients longer than this are shortened to it. 0 never shortens.",
        minimum=0.0,
        maximum=1e6,
        advanced=True,
        group=_OPTIMISER,
    )
    clip_mode: str = setting(
        "global",
        label="Threshold applies to",
        help="The whole gradient, or each weight array by itself as MATLAB does.",
        choices=("global", "per weight"),
        advanced=True,
        group=_OPTIMISER,
    )
    precision: str = setting(
        "auto",
        label="Number format",
        help="bfloat16 is faster and as good in training; auto uses it where the device can. Forecasts are always "
        "made in float32.",
        choices=("auto", "float32", "bfloat16"),
        advanced=True,
        group=_OPTIMISER,
    )

    any_size: ClassVar[bool] = True
    """Whether the network that these settings are for can be trained on crops; see NetworkKind."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.crop and not self.any_size:
            raise SettingError(
                "This network has weights for the places of the whole frame and cannot learn from crops of it. Set crop to 0, "
                "or choose a convolutional network."
            )
        if self.subtract_mean and (self.crop or self.flips or self.turns):
            raise SettingError(
                "The mean frame belongs to the whole frame as it is. Choose either subtract_mean, or crop, flips and turns."
            )
        if 0 < self.crop < SMALLEST_CROP:
            raise SettingError(f"crop is {self.crop}; it must be at least {SMALLEST_CROP} px, or 0 for whole frames.")
