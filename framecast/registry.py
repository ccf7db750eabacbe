"""Name to thing, found by looking into a package.

Adding a network, baseline, reader or metric is adding one file that registers itself. A registry imports the packages it
looks into only when it is first asked for something, so that naming a registry never pulls in torch.
"""

import importlib
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar, overload

from framecast.errors import UnknownNameError

T = TypeVar("T")
D = TypeVar("D")


class Registry(Mapping[str, T]):
    """A read-only mapping from names to entries, filled by `add` at import of the modules in `packages`. Entries are in
    the order of their modules, whichever was imported first: what is written in it is the same in every process."""

    def __init__(self, noun: str, *packages: str) -> None:
        self.noun = noun
        self._packages = packages
        self._entries: dict[str, T] = {}
        self._added_by: dict[str, str] = {}
        self._discovered = False
        self._discovering = False
        self._lock = threading.RLock()
        """A page and a worker may ask for the first time at once; the second waits until all entries are there."""

    def add(self, name: str, entry: T) -> T:
        """Register `entry`. A name can be taken once; two entries under one name are a bug."""
        assert name not in self._entries, f"two entries named {name!r} in the {self.noun} registry"
        self._entries[name] = entry
        self._added_by[name] = _module_at_import()
        return entry

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator form of `add`."""
        return lambda entry: self.add(name, entry)

    @property
    def ready(self) -> bool:
        """Whether all entries are there, so that asking for one imports nothing."""
        return self._discovered

    def __getitem__(self, name: str) -> T:
        """The entry called `name`; raises UnknownNameError that lists the known names."""
        self._discover()
        try:
            return self._entries[name]
        except KeyError:
            known = ", ".join(sorted(self._entries))
            raise UnknownNameError(f"There is no {self.noun} named {name!r}. Choose one of: {known}.") from None

    @overload
    def get(self, name: str, default: None = None, /) -> T | None: ...
    @overload
    def get(self, name: str, default: D, /) -> T | D: ...
    def get(self, name: str, default: D | None = None, /) -> T | D | None:
        """As of a dict, whose error this is not: a run may be older than its forecaster is gone."""
        self._discover()
        return self._entries.get(name, default)

    def __contains__(self, name: object) -> bool:
        self._discover()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self._discover()
        return iter(self._entries)

    def __len__(self) -> int:
        self._discover()
        return len(self._entries)

    def _discover(self) -> None:
        if self._discovered:
            return
        with self._lock:
            if self._discovered or self._discovering:  # the latter: a module that is being imported asks for the others
                return
            self._discovering = True
            try:
                modules = [module for package in self._packages for module in discover(package)]
                place = {module: index for index, module in reversed(list(enumerate(modules)))}
                names = sorted(self._entries, key=lambda name: place.get(self._added_by[name], len(modules)))
                self._entries = {name: self._entries[name] for name in names}
                self._discovered = True
            finally:
                self._discovering = False


def discover(name: str) -> list[str]:
    """Import the module `name` and, if it is a package, every module directly in it; their names, in this order."""
    module = importlib.import_module(name)
    names = [name, *(f"{name}.{found.name}" for found in pkgutil.iter_modules(getattr(module, "__path__", [])))]
    for one in names:
        importlib.import_module(one)
    return names


def _module_at_import() -> str:
    """The module whose import is under way in this thread; "" where there is none."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "")) if frame.f_code.co_name == "<module>" else ""
