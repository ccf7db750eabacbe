"""What can go wrong, as a tree.

    FrameCastError            one clear sentence: what was found, what was needed, what to do
    ├── InputError            the user's files or choices cannot be used (exit code 2)
    │   ├── SeriesError       a file or a set of frames
    │   │   └── ChoiceNeededError   a file leaves open what only a person can say; carries what there is to choose from
    │   ├── SettingError      a split, a size, a hyperparameter, a horizon
    │   └── UnknownNameError  a forecaster, metric, run or series that does not exist
    └── RunError              a run that began and could not go on (exit code 1)
        ├── DeviceMemoryError the device ran out of memory
        ├── DivergedError     the loss became NaN or infinite
        ├── BusyError         another process carries the run out
        ├── LeftAloneError    a process that helped to carry it out is gone
        └── StorageError      the disk is full or cannot be written

Everything a user can cause is one of these, and its text is shown as it stands, in the page and on the command line. What
only a bug can cause is an assertion or an ordinary exception and is never dressed up as the user's mistake.
"""

from collections.abc import Mapping, Sequence


class FrameCastError(Exception):
    """A sentence for a person. `exit_code` is what the command line ends with. `remedies` are changes of a run's settings,
    {"batch_size": 2} and so on, any of which would do; "size" is the working size."""

    exit_code = 1

    def __init__(self, sentence: str = "", *, remedies: Sequence[Mapping[str, float]] = ()) -> None:
        super().__init__(sentence)
        self.remedies = tuple(dict(one) for one in remedies)


class InputError(FrameCastError):
    """The user's files or choices cannot be used."""

    exit_code = 2


class SeriesError(InputError):
    pass


class ChoiceNeededError(SeriesError):
    """`contents`: the arrays of a file (series/readers/choice.py), where one or its axes must be chosen. `sizes` and
    `missing`: the ways there are to deal with pictures of several sizes, and with missing values that come and go."""

    def __init__(
        self, sentence: str, *, contents: object = None, sizes: Sequence[str] = (), missing: Sequence[str] = ()
    ) -> None:
        super().__init__(sentence)
        self.contents = contents
        self.sizes = tuple(sizes)
        self.missing = tuple(missing)


class SettingError(InputError):
    pass


class UnknownNameError(InputError):
    pass


class RunError(FrameCastError):
    """A run that began and could not go on."""


class DeviceMemoryError(RunError):
    pass


class DivergedError(RunError):
    pass


class BusyError(RunError):
    pass


class LeftAloneError(RunError):
    pass


class StorageError(RunError):
    pass


_MEMORY_SIGNS = ("out of memory", "not enough memory", "can't allocate memory", "unable to allocate", "alloc_failed")
"""The last one is how the libraries beneath torch on a GPU say it: CUBLAS_STATUS_ALLOC_FAILED, CUFFT_ALLOC_FAILED."""


def memory_ran_out(error: BaseException) -> bool:
    """Whether this is how Python, numpy or torch says that memory is full, on whatever device."""
    return isinstance(error, MemoryError | DeviceMemoryError) or (
        isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _MEMORY_SIGNS)
    )
