"""How a window stood, so that it can stand so again: plate, field, camera, colours, tab, and what learns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.wells import FieldRef


@dataclass(frozen=True)
class PlateView:
    """How one plate was looked at.

    Attributes
    ----------
    well, field
        The field that was open, by name and number; "" for none.
    centre
        (y, x) in pixels of the field, in the middle of the canvas; None where it is not known.
    zoom
        Screen pixels per pixel of the field.
    coloured_by
        What the plate map showed, as the map names it; "" for what it shows by itself.
    """

    well: str = ""
    field: int = 1
    centre: tuple[float, float] | None = None
    zoom: float = 0.0
    coloured_by: str = ""

    def ref(self, plate: Plate) -> FieldRef | None:
        """Return the field that was open, None where the plate has no such field any more."""
        well = next((w for w in plate.wells if w.name == self.well), None)
        if well is None or not 1 <= self.field <= len(well.sources):
            return None
        return FieldRef(plate.name, well.name, self.field)


@dataclass(frozen=True)
class ViewState:
    """How a window stood.

    Attributes
    ----------
    plate
        Name of the plate that was open.
    tab
        Title of the tab.
    style, colouring
        How cells were drawn.
    phenotype
        The class that a click gave.
    classifier, settings
        What learnt; "" for the default.
    live
        Whether it learnt live; None where nobody said.
    plates
        Name to how that plate was looked at.
    hits, hit_column
        What was asked for hits, as `hit_recall.asked` says it, and the class or feature that was shown of the answer.
    """

    plate: str = ""
    tab: str = ""
    style: str = ""
    colouring: str = ""
    phenotype: str = ""
    classifier: str = ""
    settings: Mapping[str, Json] = field(default_factory=dict)
    live: bool | None = None
    plates: Mapping[str, PlateView] = field(default_factory=dict)
    hits: Mapping[str, Json] = field(default_factory=dict)
    hit_column: str = ""

    def of(self, plate: str) -> PlateView:
        """Return how a plate was looked at."""
        return self.plates.get(plate, PlateView())

    def with_plate(self, name: str, **changes: object) -> ViewState:
        """Return the state with some of what is known of a plate changed."""
        return replace(self, plates={**self.plates, name: replace(self.of(name), **changes)})  # type: ignore[arg-type]

    def state(self) -> dict[str, Json]:
        """Return it as JSON."""
        plates: dict[str, Json] = {
            name: {**view.__dict__, "centre": list(view.centre) if view.centre is not None else None}
            for name, view in self.plates.items()
        }
        return {**self.__dict__, "settings": dict(self.settings), "hits": dict(self.hits), "plates": plates}


_TEXTS = ("plate", "tab", "style", "colouring", "phenotype", "classifier", "hit_column")


def view_state(found: Mapping[str, Json]) -> ViewState:
    """Return what `ViewState.state` made; what is not as it should be is left out, piece by piece."""
    texts = {name: value for name in _TEXTS if isinstance(value := found.get(name), str)}
    plates, live = found.get("plates"), found.get("live")
    return ViewState(
        **texts,
        settings=_mapping(found.get("settings")),
        hits=_mapping(found.get("hits")),
        live=live if isinstance(live, bool) else None,
        plates={n: _plate_view(v) for n, v in plates.items() if isinstance(v, Mapping)}
        if isinstance(plates, Mapping)
        else {},
    )


def _mapping(value: Json) -> dict[str, Json]:
    return dict(value) if isinstance(value, Mapping) else {}


def _plate_view(found: Mapping[str, Json]) -> PlateView:
    well, number, colour = found.get("well"), found.get("field"), found.get("coloured_by")
    zoom, centre = _number(found.get("zoom")), found.get("centre")
    place = tuple(_number(v) for v in centre) if isinstance(centre, list) and len(centre) == 2 else (None, None)
    y, x = place
    return PlateView(
        well if isinstance(well, str) else "",
        number if isinstance(number, int) else 1,
        (y, x) if y is not None and x is not None else None,
        zoom if zoom is not None and zoom > 0 else 0.0,
        colour if isinstance(colour, str) else "",
    )


def _number(value: Json) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None  # type: ignore[arg-type]
