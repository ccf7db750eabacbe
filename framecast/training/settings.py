"""How a network is trained. Every schedule is a fraction of the budget, so that a short run is a small copy of a long one."""

from dataclasses import dataclass

from framecast.settings import Settings, setting


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """The defaults are the recipe that won on short series: residual form, own forecasts fed back inside the loss with a
    growing unroll, small batches, AdamW with warm-up and cosine, then a refit on all history."""

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
    )
    burn_in: int = setting(
        0,
        label="Warm-up frames",
        help="Context frames absorbed before the loss starts. 0 means all of the context.",
        minimum=0,
        maximum=1000,
        advanced=True,
    )
    truncate: int = setting(
        0,
        label="Truncate backpropagation",
        help="Cut the gradient through time every so many frames, to save memory. 0 never cuts.",
        minimum=0,
        maximum=1000,
        advanced=True,
    )
    residual: bool = setting(
        True,
        label="Forecast the change",
        help="The network gives the change from the last frame and starts at no change, which is persistence. Off: it must "
        "paint each frame from nothing.",
        advanced=True,
    )
    normalise: bool = setting(
        True,
        label="Scale values",
        help="Bring each channel to mean 0 and spread 1, measured on the training frames only.",
        advanced=True,
    )
    clamp: bool = setting(
        True,
        label="Clamp to what was seen",
        help="Keep forecast values between the lowest and highest value observed before, so that a rollout cannot blow up.",
        advanced=True,
    )
    validation: bool = setting(
        True,
        label="Choose by validation",
        help="Forecast the validation frames during training and keep the weights that did best there. Off: train on them too "
        "and keep the last weights.",
        advanced=True,
    )
    select_by: str = setting(
        "ssim",
        label="Best means",
        help="The score of the validation forecast that decides which weights are kept.",
        choices=("ssim", "mse"),
        advanced=True,
    )
    refit: bool = setting(
        True,
        label="Refit on all history",
        help="After validation has told how long to train, train afresh on training and validation frames together for just "
        "that long. Takes up to as long again; on short series nothing else helps as much.",
        advanced=True,
    )
    loss: str = setting(
        "l1+mse",
        label="Loss",
        help="What training makes small: absolute error, squared error, both, or MATLAB's half sum of squares.",
        choices=("l1+mse", "mse", "l1", "half sum of squares"),
        advanced=True,
    )
    input_noise: float = setting(
        0.0,
        label="Input noise",
        help="Noise added to context frames in training, in units of the scaled frame. A little can steady long rollouts.",
        minimum=0.0,
        maximum=10.0,
        advanced=True,
    )
    optimizer: str = setting(
        "adamw", label="Optimiser", help="AdamW, or Adam as in the question.", choices=("adamw", "adam"), advanced=True
    )
    weight_decay: float = setting(
        0.01, label="Weight decay", help="Pull of the weights towards zero.", minimum=0.0, maximum=1.0, advanced=True
    )
    schedule: str = setting(
        "cosine",
        label="Learning rate schedule",
        help="Cosine falls smoothly to zero; piecewise drops in steps, as in the question; constant does not fall.",
        choices=("cosine", "piecewise", "constant"),
        advanced=True,
    )
    warmup: float = setting(
        0.05,
        label="Learning rate warm-up",
        help="Share of the run in which the learning rate rises from zero.",
        minimum=0.0,
        maximum=0.9,
        advanced=True,
    )
    drop_factor: float = setting(
        0.2,
        label="Drop factor",
        help="Piecewise schedule: the learning rate is multiplied by this at each drop.",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
    )
    drop_every: float = setting(
        125 / 300,
        label="Drop every",
        help="Piecewise schedule: share of the run between drops. 125 of 300 epochs is 0.4167.",
        minimum=0.001,
        maximum=1.0,
        advanced=True,
    )
    clip: float = setting(
        1.0,
        label="Gradient threshold",
        help="Gradients longer than this are shortened to it. 0 never shortens.",
        minimum=0.0,
        maximum=1e6,
        advanced=True,
    )
    clip_mode: str = setting(
        "global",
        label="Threshold applies to",
        help="The whole gradient, or each weight array by itself as MATLAB does.",
        choices=("global", "per weight"),
        advanced=True,
    )
    shuffle: str = setting(
        "each epoch",
        label="Shuffle windows",
        help="Put the training windows in a new order each epoch, or once at the start as MATLAB does.",
        choices=("each epoch", "once"),
        advanced=True,
    )
    drop_last: bool = setting(
        False,
        label="Drop incomplete batch",
        help="Leave out the windows that do not fill a whole batch, as MATLAB does.",
        advanced=True,
    )
    zero_block: bool = setting(
        False,
        label="Push zeros before forecasting",
        help="Repeats the mistake of the question: a block of zero frames, as long as the horizon, goes through the warmed "
        "state before the forecast starts.",
        advanced=True,
    )
    precision: str = setting(
        "auto",
        label="Number format",
        help="bfloat16 is faster and as good in training; auto uses it where the device can. Forecasts are always "
        "made in float32.",
        choices=("auto", "float32", "bfloat16"),
        advanced=True,
    )
