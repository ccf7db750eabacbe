"""Name to thing, found by looking into a package.

Adding a network, baseline, reader or metric is adding one file that registers itself. A registry imports the packages it
looks into only when it is first asked for something, so that naming a registry never pulls in torch.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from framecast.errors import UnknownNameError

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """A read-only mapping from names to entries, filled by `add` at import of the modules in `packages`."""

    def __init__(self, noun: str, *packages: str) -> None:
        self.noun = noun
        self._packages = packages
        self._entries: dict[str, T] = {}
        self._discovered = False

    def add(self, name: str, entry: T) -> T:
        """Register `entry`. A name can be taken once; two entries under one name are a bug."""
        assert name not in self._entries, f"two entries named {name!r} in the {self.noun} registry"
        self._entries[name] = entry
        return entry

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator form of `add`."""
        return lambda entry: self.add(name, entry)

    def __getitem__(self, name: str) -> T:
        """The entry called `name`; raises UnknownNameError that lists the known names."""
        self._discover()
        try:
            return self._entries[name]
        except KeyError:
            known = ", ".join(sorted(self._entries))
            raise UnknownNameError(f"There is no {self.noun} named {name!r}. Choose one of: {known}.") from None

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
        self._discovered = True
        for package in self._packages:
            discover(package)


def discover(name: str) -> None:
    """Import the module `name` and, if it is a package, every module directly in it."""
    module = importlib.import_module(name)
    for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
        importlib.import_module(f"{name}.{found.name}")
