"""Extensions are found without being imported, and a broken one hides no other."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Literal

import pytest

from napari_phenotyper.core.contracts import KINDS
from napari_phenotyper.core.errors import ExtensionError, SettingError
from napari_phenotyper.core.parameters import make, parameters, settings_of
from napari_phenotyper.core.registry import Registry


@dataclass(frozen=True)
class Third:
    """Somebody else's scorer."""

    size: float = 3.0

    def score(self, profile, layout):
        return ()


def point(name, value, group="napari_phenotyper.scorers"):
    return EntryPoint(name, value, group)


def test_listing_and_titles_import_no_heavy_library():
    code = (
        "import sys; from napari_phenotyper.core.registry import Registry; r = Registry()\n"
        "from napari_phenotyper.core.contracts import KINDS\n"
        "[(r.title(k, n), r.get(k, n).parameters) for k in KINDS for n in r.ids(k)]\n"
        "print([m for m in ('torch', 'sklearn', 'skimage', 'zarr', 'pandas', 'qtpy', 'napari') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", KINDS)
def test_every_extension_of_ours_keeps_its_contract_and_has_a_title(kind):
    registry = Registry()
    for name in registry.ids(kind):
        extension = registry.get(kind, name)
        assert extension.title == registry.title(kind, name) != name
        assert make(extension.cls, settings_of(extension.make())) == extension.make()
        assert all(p.help for p in extension.parameters)


def test_a_third_partys_extension_is_listed_and_made():
    registry = Registry([point("third", f"{__name__}:Third")])
    sys.modules.setdefault(__name__, sys.modules[Third.__module__])
    assert "third" in registry.ids("scorer")
    assert registry.make("scorer", "third", {"size": "4"}).size == 4.0


def test_a_broken_extension_fails_by_name_when_chosen_and_hides_no_other():
    registry = Registry([point("broken", "no_such_module_anywhere:Thing")])
    assert "robust_z" in registry.ids("scorer")
    registry.get("scorer", "robust_z")
    with pytest.raises(ExtensionError, match="'broken' cannot be loaded"):
        registry.get("scorer", "broken")


def test_an_extension_that_does_not_exist_is_told_with_those_that_do():
    with pytest.raises(ExtensionError, match="robust_z"):
        Registry().get("scorer", "nonsense")


@dataclass(frozen=True)
class Example:
    size: int = 3
    level: float | None = None
    mode: Literal["fast", "good"] = "fast"
    on: bool = True
    names: tuple[str, ...] = ()


def test_parameters_are_read_from_text():
    made = make(Example, {"size": "5", "level": "0.5", "mode": "good", "on": "no", "names": "a, b"})
    assert made == Example(5, 0.5, "good", False, ("a", "b"))


def test_an_open_parameter_stays_open():
    assert make(Example, {"level": "none"}).level is None and parameters(Example)[1].optional


@pytest.mark.parametrize(
    "settings", [{"size": "x"}, {"size": "1.5"}, {"mode": "slow"}, {"on": "maybe"}, {"width": "3"}]
)
def test_a_value_that_does_not_fit_is_told_with_what_does(settings):
    with pytest.raises(SettingError) as caught:
        make(Example, settings)
    assert caught.value.remedy
