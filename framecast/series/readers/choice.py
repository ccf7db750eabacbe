"""What there is to choose in a file: its arrays, and what their axes can mean.

A reader that finds one array whose axes are plain needs no one. Everywhere else the file is refused with a list of what it
holds, and the same list draws the form in the browser and the table on the command line.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from framecast.errors import ChoiceNeededError, SeriesError
from framecast.series.readers.axes import Layout, guessed, in_words
from framecast.series.readers.contract import Upload, Wish, printable

PREFERRED = "frames"
MOST_LISTED = 12


@dataclass(frozen=True)
class Part:
    """One array of a file."""

    name: str
    """As the file calls it; "" where it holds one thing only."""
    shape: tuple[int, ...]
    kind: str
    """Type of its values, in words."""
    guess: Layout | None
    """How it is read unless a person says otherwise; None where a person must."""
    options: tuple[Layout, ...]
    """Every likely layout, the likeliest first. Any other can be asked for, too."""
    axis_names: tuple[str, ...] = ()
    """What the file calls its axes, where it does."""
    unusual: bool = False
    """Whether the guess is not the order that files of this kind usually have."""

    @classmethod
    def of(cls, name: str, shape: Sequence[int], kind: str, customs: Sequence[str]) -> "Part":
        guess, options = guessed(shape, customs) if customs else (None, [])
        usual = guess is None or not customs or (*guess.roles,) in ((*customs[0],), (*customs[0].replace("C", ""),))
        return cls(name, tuple(shape), kind, guess, tuple(options), unusual=not usual)

    @property
    def can_be_series(self) -> bool:
        return bool(self.options)

    @property
    def in_words(self) -> str:
        """'uint8 9 x 7 x 3 x 6', with the file's own words for its axes where there are some."""
        if not self.axis_names:
            return f"{self.kind} {in_words(self.shape)}"
        named = zip(self.axis_names, self.shape, strict=True)
        return f"{self.kind} " + " x ".join(f"{printable(name, 20) or '?'} {length}" for name, length in named)


@dataclass(frozen=True)
class Contents:
    """The arrays of one file that could be a series, in the file's order; `others` could not."""

    label: str
    parts: tuple[Part, ...]
    others: tuple[Part, ...] = ()

    @property
    def usual(self) -> Part | None:
        """What is read when no one chooses: the array called `frames`, else the only one; None where there is a choice."""
        return self.part(PREFERRED) or (self.parts[0] if len(self.parts) == 1 else None)

    @property
    def needs_choice(self) -> bool:
        return self.usual is None or self.usual.guess is None

    def part(self, name: str) -> Part | None:
        """The array of this name, or of a name that is shown so where it cannot be shown as it is."""
        called = {printable(part.name): part for part in reversed(self.parts)} | {part.name: part for part in self.parts}
        return called.get(name)

    def chosen(self, wish: Wish, notes: list[str]) -> tuple[Part, Layout]:
        """The array to be read and its layout; what was assumed for it goes to `notes`. Raises ChoiceNeededError where that is
        open, SeriesError where the wish or the file cannot be served."""
        part = self.choose(wish, notes)
        return part, self.layout(part, wish, notes)

    def choose(self, wish: Wish, notes: list[str]) -> Part:
        if not self.parts:
            found = f"no array that could be a series: {_listed(self.others)}" if self.others else "no array"
            raise SeriesError(
                f"{self.label} holds {found}; it must hold one with 3 axes or more, time, height and width among them. Stack "
                "the frames into one array and save that."
            )
        if wish.variable:
            part = self.part(wish.variable)
            if part is None:
                raise SeriesError(
                    f"{self.label} holds no variable '{printable(wish.variable)}' that could be a series; it holds "
                    f"{_listed(self.parts)}. Choose one of these."
                )
            return part
        if self.usual is None:
            raise ChoiceNeededError(
                f"{self.label} holds {len(self.parts)} variables that could be a series: {_listed(self.parts)}; one is "
                "needed. Choose the variable.",
                contents=self,
            )
        if rest := [part for part in self.parts if part is not self.usual]:
            notes.append(f"The variable {printable(self.usual.name)} was read; the file also holds {_listed(rest)}.")
        return self.usual

    def layout(self, part: Part, wish: Wish, notes: list[str]) -> Layout:
        layout = Layout.parse(wish.axes) if wish.axes else part.guess
        if layout is None:
            raise self._axes_needed(part)
        if not wish.axes and part.unusual:
            notes.append(f"The array {in_words(part.shape)} was read as {layout}: {layout.in_words(part.shape)}.")
        return layout.check(self.label, part.shape)

    def _axes_needed(self, part: Part) -> ChoiceNeededError:
        likely = "; ".join(f"{layout} ({layout.in_words(part.shape)})" for layout in part.options[:4])
        called = f"{self.label} is" if not part.name else f"{printable(part.name)} in {self.label} is"
        hint = " It looks like one colour picture." if len(part.shape) == 3 and part.shape[-1] in (3, 4) else ""
        return ChoiceNeededError(
            f"{called} an array {in_words(part.shape)}{_axes_in_words(part)} and it is not plain which axis is time.{hint} "
            f"Choose the axes, for example {likely}.",
            contents=self,
        )


def contents(file: Upload, parts: Sequence[Part]) -> Contents:
    """`parts` sorted into those that could be a series and those that could not."""
    possible = tuple(part for part in parts if part.can_be_series)
    return Contents(file.label, possible, tuple(part for part in parts if not part.can_be_series))


def _axes_in_words(part: Part) -> str:
    names = ", ".join(printable(name, 20) or "?" for name in part.axis_names)
    return f" (its axes are called {names})" if names else ""


def _listed(parts: Sequence[Part]) -> str:
    words = [f"{printable(part.name) or 'one array'} ({part.in_words})" for part in parts[:MOST_LISTED]]
    more = len(parts) - MOST_LISTED
    return ", ".join(words) + (f" and {more} more" if more > 0 else "")
