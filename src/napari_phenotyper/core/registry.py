"""Finds extensions: files in our own folders, and entry points of others. Imports nothing until one is chosen."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from napari_phenotyper.core.contracts import KINDS
from napari_phenotyper.core.errors import ExtensionError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.parameters import Parameter, make, parameters, settings_of

PACKAGE = __name__.split(".")[0]


@dataclass(frozen=True)
class Extension:
    """An extension, imported.

    Attributes
    ----------
    kind, id
        "classifier", "svm".
    title
        First line of the docstring.
    cls
        The frozen dataclass.
    """

    kind: str
    id: str
    title: str
    cls: type

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Its parameters."""
        return parameters(self.cls)

    @property
    def version(self) -> int:
        """Its version, 1 if it gives none."""
        return int(getattr(self.cls, "version", 1))

    @property
    def default(self) -> bool:
        """Whether it is used where nothing is chosen; true if it does not say."""
        return bool(getattr(self.cls, "default", True))

    def make(self, settings: Mapping[str, object] | None = None) -> Any:
        """Return an instance. Raises SettingError."""
        return make(self.cls, settings or {}, f"{self.kind.capitalize()} {self.id!r}")

    def record(self, instance: object) -> Mapping[str, Json]:
        """Return what goes into keys and provenance: id, version and parameters as resolved."""
        return {"id": self.id, "version": self.version, "settings": dict(settings_of(instance))}


class Registry:
    """Lists and makes extensions. Cheap to construct; give it to whoever needs it.

    Parameters
    ----------
    others
        Entry points of third parties; looked up in the environment if None.
    """

    def __init__(self, others: Iterable[EntryPoint] | None = None) -> None:
        groups = {f"{PACKAGE}.{folder}": kind for kind, (folder, _) in KINDS.items()}
        if others is None:
            known = entry_points()  # once for all kinds: it reads what every package of the environment says of itself
            others = [point for group in groups for point in known.select(group=group)]
        self._others = {(groups[p.group], p.name): p for p in others if p.group in groups}

    def ids(self, kind: str) -> tuple[str, ...]:
        """Return the ids of a kind, ours first. Raises ExtensionError for a kind that does not exist."""
        own = sorted(p.stem for p in _folder(kind).glob("*.py") if not p.name.startswith("_"))
        others = sorted(name for k, name in self._others if k == kind and name not in own)
        return (*own, *others)

    def defaults(self, kind: str) -> tuple[str, ...]:
        """Return the ids of those used where nothing is chosen. Raises ExtensionError as `get` does."""
        return tuple(name for name in self.ids(kind) if self.get(kind, name).default)

    def title(self, kind: str, name: str) -> str:
        """Return the title of one of ours without importing it; of others, its id."""
        path = _folder(kind) / f"{name}.py"
        if not path.is_file():
            return name
        return _written_title(path)

    def get(self, kind: str, name: str) -> Extension:
        """Import an extension.

        Raises
        ------
        ExtensionError
            If there is none of that name, it fails on import, or it does not keep the contract.
        """
        if name not in self.ids(kind):
            known = ", ".join(self.ids(kind)) or "none"
            raise ExtensionError(f"There is no {kind} {name!r}.", f"There are: {known}.")
        try:
            cls = self._load(kind, name)
        except Exception as error:  # an extension is foreign code: whatever it raises is told by its name
            raise ExtensionError(
                f"The {kind} {name!r} cannot be loaded: {type(error).__name__}: {error}.",
                "Mend or uninstall the package that brings it; the others work.",
            ) from error
        return Extension(kind, name, _title(inspect.getdoc(cls), name), cls)

    def make(self, kind: str, name: str, settings: Mapping[str, object] | None = None) -> Any:
        """Import an extension and return an instance. Raises ExtensionError, SettingError."""
        return self.get(kind, name).make(settings)

    def _load(self, kind: str, name: str) -> type:
        """Import the class of an extension and check it against the contract of its kind."""
        folder, contract = KINDS[kind]
        if (kind, name) in self._others and not (_folder(kind) / f"{name}.py").is_file():
            loaded = self._others[kind, name].load()
        else:
            loaded = importlib.import_module(f"{PACKAGE}.{folder}.{name}")
        cls = loaded if inspect.isclass(loaded) else _only_class(loaded, contract)
        missing = [m for m in methods(contract) if not callable(getattr(cls, m, None))]
        if missing or not dataclasses.is_dataclass(cls):
            raise TypeError(f"{cls.__name__} is no dataclass with the methods {', '.join(methods(contract))}")
        return cls


@cache
def _written_title(path: Path) -> str:
    """Return the title of an extension of ours; kept, as a window asks for all of them whenever it opens."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
            continue
        if any("dataclass" in ast.unparse(d) for d in node.decorator_list):
            return _title(ast.get_docstring(node), path.stem)
    return path.stem


def _title(doc: str | None, name: str) -> str:
    """Return the first line of a docstring as a menu shows it, without its full stop."""
    return (doc or name).splitlines()[0].rstrip(".")


def methods(contract: type) -> tuple[str, ...]:
    """Return the names of a contract's methods."""
    return tuple(n for n, v in vars(contract).items() if inspect.isfunction(v) and not n.startswith("_"))


def _folder(kind: str) -> Path:
    if kind not in KINDS:
        raise ExtensionError(f"There is no kind of extension {kind!r}.", f"There are: {', '.join(KINDS)}.")
    return Path(__file__).parents[1] / KINDS[kind][0]


def _only_class(module: Any, contract: type) -> type:
    """Return the one public dataclass of a module that has the contract's methods."""
    found = [
        cls
        for name, cls in vars(module).items()
        if inspect.isclass(cls)
        and cls.__module__ == module.__name__
        and not name.startswith("_")
        and dataclasses.is_dataclass(cls)
        and all(callable(getattr(cls, m, None)) for m in methods(contract))
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__name__} has {len(found)} public dataclasses that keep the contract, not one")
    return found[0]
