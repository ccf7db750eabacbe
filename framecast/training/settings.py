"""How a network is trained. Every schedule is a fraction of the budget, so that a short run is a small copy of a long one."""

from dataclasses import dataclass
from typing import ClassVar

from framecast.errors import SettingError
from framecast.settings import setting
from framecast.training.pace import PaceSettings

SMALLEST_CROP = 16
_FORM = "What the network sees and says"
_CHOICE = "Which weights are kept"
_LOSS = "Loss"
_WINDOWS = "Windows"
_OPTIMISER = "Optimiser"
_MEMORY = "Memory and speed"


@dataclass(frozen=True)
class TrainingSettings(PaceSettings):
    """The defaults are the recipe that won on short series: residual form, own forecasts fed back inside the loss with a
    growing unroll, small batches, AdamW with warm-up and cosine, then a refit on all history. Controls that are
    off gave nothing sure on short series, or were not measured; each says in its help when it may."""

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
        help="bfloat16 is faster and as good in training; auto uses it where the device can. In float32 a GPU may round "
        "convolutions to TF32 while it trains. Forecasts are always made in full float32.",
        choices=("auto", "float32", "bfloat16"),
        advanced=True,
        group=_OPTIMISER,
    )

    recompute: bool = setting(
        False,
        label="Compute twice, hold half",
        help="Keep only the frames and memories between the steps of a window, and compute all that lies between again when "
        "it is learned from. The same training in far less memory, a third slower. For large frames and long unrolls.",
        advanced=True,
        group=_MEMORY,
    )
    parts: int = setting(
        1,
        label="Batch in parts",
        help="Take the windows of a training step in so many parts one after the other and add up what is learned. The same "
        "training in the memory of one part. 1 takes all at once.",
        minimum=1,
        maximum=4096,
        advanced=True,
        group=_MEMORY,
    )

    tile: int = setting(
        0,
        label="Forecast in tiles",
        help="Forecast squares of this many pixels one after the other, each with what lies around it, where a whole frame "
        "does not fit into memory. The forecast stays the same; with group normalisation to half a percent of the change, "
        "and it takes three to twenty times as long. 0 forecasts whole frames, and goes over to tiles if memory runs out.",
        minimum=0,
        maximum=100_000,
        unit="px",
        advanced=True,
        group=_MEMORY,
    )

    compile: str = setting(
        "auto",
        label="Record or compile the steps",
        help="auto: on a GPU with memory to spare, a step is recorded once and replayed, so that small frames train several "
        "times as fast. on: torch makes one program of its operations, which takes a minute or more before the first step. "
        "off: neither. Where it cannot be done, training goes on without and says so. Never where processes share a run, or "
        "where it computes twice to hold half.",
        choices=("auto", "on", "off"),
        advanced=True,
        group=_MEMORY,
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
        if self.tile and not self.any_size:
            raise SettingError(
                "This network has weights for the places of the whole frame and cannot forecast a part of it. Set tile to 0, "
                "or choose a convolutional network."
            )
        if 0 < self.tile < SMALLEST_CROP:
            raise SettingError(f"tile is {self.tile}; it must be at least {SMALLEST_CROP} px, or 0 for whole frames.")
        if self.subtract_mean and (self.crop or self.flips or self.turns):
            raise SettingError(
                "The mean frame belongs to the whole frame as it is. Choose either subtract_mean, or crop, flips and turns."
            )
        if 0 < self.crop < SMALLEST_CROP:
            raise SettingError(f"crop is {self.crop}; it must be at least {SMALLEST_CROP} px, or 0 for whole frames.")
