"""Annotations: what a person said of cells, as events that can be undone, and the state they add up to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import Masks
from napari_phenotyper.core.wells import FieldRef

NOT_A_CELL = "not a cell"
"""A class that everybody has: debris, wrong masks. Such objects are trained on but never counted as cells."""

PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#B66DFF",
    "#920000", "#24FF24", "#FFB6DB", "#924900", "#B6DBFF", "#999933", "#00C2C7", "#BBBBBB",
)  # fmt: skip
"""Colour-blind safe first (Okabe & Ito 2008), then as distinct from these as can be (after Krzywinski's 15 colours)."""
_SHADES = ((0, 0.4), (255, 0.5), (0, 0.65), (255, 0.75))
"""Black or white, and how much of it is mixed into each colour once all are taken: 80 classes, none of one colour."""


@dataclass(frozen=True)
class Phenotype:
    """A class of cells: its name, its colour (#rrggbb) and the key that gives it."""

    name: str
    colour: str
    key: str = ""


@dataclass(frozen=True)
class Annotation:
    """One cell and what somebody called it.

    Attributes
    ----------
    id
        Unique in the project.
    field
        Where the cell lies.
    y, x
        An inner point of the cell's mask, in pixels: by this it is found again after re-segmentation.
    click_y, click_x
        Where the person clicked.
    mask_key
        Key of the mask that was clicked on.
    phenotype
        Name of the class.
    annotator
        Who said so.
    time
        When, ISO 8601 in UTC.
    cell
        The id that the cell has in the mask that was clicked on, so that this mask need not be read again: 0 where
        none was hit, −1 where it is not known. Another mask numbers its cells otherwise.
    """

    id: str
    field: FieldRef
    y: float
    x: float
    click_y: float
    click_x: float
    mask_key: str
    phenotype: str
    annotator: str = ""
    time: str = ""
    cell: int = -1

    def state(self) -> Mapping[str, Json]:
        """Return the annotation as JSON."""
        return {**self.__dict__, "field": list(self.field)}

    @staticmethod
    def restore(state: Mapping[str, Json]) -> Annotation:
        """Return the annotation that `state` made."""
        values = cast("dict[str, object]", dict(state))
        plate, well, number = cast("Sequence[str | int]", values.pop("field"))
        return Annotation(field=FieldRef(str(plate), str(well), int(number)), **values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Event:
    """One line of the journal.

    Attributes
    ----------
    seq
        Number in the journal, from 1, without gaps.
    kind
        "annotate" {annotations, replaces}, "clear" {ids}, "phenotype" {name, colour, key}, "rename" {old, new} (into
        a class that exists: a merge), "remove" {name}, "undo" {of}, "redo" {of}, "lost" {} (stands where a
        damaged journal lost a line).
    payload
        As above.
    who, time
        Annotator, and ISO 8601 in UTC.
    """

    seq: int
    kind: str
    payload: Mapping[str, Json]
    who: str = ""
    time: str = ""


@dataclass(frozen=True, eq=False)
class Annotations:
    """The state that events add up to.

    Attributes
    ----------
    active
        Annotation id to annotation, in the order they were made.
    phenotypes
        The class set, in order.
    """

    active: Mapping[str, Annotation] = field(default_factory=dict)
    phenotypes: tuple[Phenotype, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the class set."""
        return tuple(p.name for p in self.phenotypes)

    def __len__(self) -> int:
        """Count the annotations that stand."""
        return len(self.active)

    def by_field(self) -> Mapping[FieldRef, tuple[Annotation, ...]]:
        """Return the annotations of each field."""
        found: dict[FieldRef, list[Annotation]] = defaultdict(list)
        for annotation in self.active.values():
            found[annotation.field].append(annotation)
        return {ref: tuple(items) for ref, items in found.items()}

    def apply(self, event: Event) -> Annotations:
        """Return the state after one more event; undo and redo are for `replay`."""
        draft = _Draft(self)
        draft.apply(event)
        return draft.done()


class _Draft:
    """A state that events are added to in place: thousands of clicks are not thousands of copies."""

    def __init__(self, state: Annotations) -> None:
        self._active = dict(state.active)
        self._phenotypes = list(state.phenotypes)

    def done(self) -> Annotations:
        return Annotations(self._active, tuple(self._phenotypes))

    def apply(self, event: Event) -> None:
        payload = event.payload
        if event.kind == "annotate":
            self._annotate(payload)
        elif event.kind == "clear":
            self._drop(cast("Sequence[str]", payload["ids"]))
        elif event.kind == "phenotype":
            self._put(Phenotype(str(payload["name"]), str(payload["colour"]), str(payload["key"])))
        elif event.kind == "rename":
            self._rename(str(payload["old"]), str(payload["new"]))
        elif event.kind == "remove":
            self._drop([k for k, a in self._active.items() if a.phenotype == payload["name"]])
            self._phenotypes = [p for p in self._phenotypes if p.name != payload["name"]]

    def _drop(self, ids: Sequence[str]) -> None:
        for key in ids:
            self._active.pop(key, None)

    def _annotate(self, payload: Mapping[str, Json]) -> None:
        self._drop(cast("Sequence[str]", payload.get("replaces", ())))
        for item in cast("Sequence[Mapping[str, Json]]", payload["annotations"]):
            annotation = Annotation.restore(item)
            self._active[annotation.id] = annotation
            if not any(p.name == annotation.phenotype for p in self._phenotypes):
                self._put(next_phenotype(annotation.phenotype, self._phenotypes))

    def _put(self, new: Phenotype) -> None:
        if new.key:  # a key is one class's: it moves
            others = [p.name != new.name and p.key == new.key for p in self._phenotypes]
            pairs = zip(self._phenotypes, others, strict=True)
            self._phenotypes = [replace(p, key="") if other else p for p, other in pairs]
        for i, phenotype in enumerate(self._phenotypes):
            if phenotype.name == new.name:
                self._phenotypes[i] = new
                return
        self._phenotypes.append(new)

    def _rename(self, old: str, new: str) -> None:
        if old == new:
            return
        self._active = {k: replace(a, phenotype=new) if a.phenotype == old else a for k, a in self._active.items()}
        if any(p.name == new for p in self._phenotypes):
            self._phenotypes = [p for p in self._phenotypes if p.name != old]
        else:
            self._phenotypes = [replace(p, name=new) if p.name == old else p for p in self._phenotypes]


def _colours() -> Iterator[str]:
    """Yield the palette, then its shades."""
    yield from PALETTE
    for tone, share in _SHADES:
        for colour in PALETTE:
            mixed = (round((1 - share) * int(colour[i : i + 2], 16) + share * tone) for i in (1, 3, 5))
            yield "#" + "".join(f"{part:02X}" for part in mixed)


def next_phenotype(name: str, existing: Sequence[Phenotype]) -> Phenotype:
    """Return a class with the first colour and key (1 … 9) that no other class has."""
    colours = {p.colour for p in existing}
    keys = {p.key for p in existing}
    if name == NOT_A_CELL:
        return Phenotype(name, "#999999", "")
    colour = next((c for c in _colours() if c not in colours), PALETTE[len(existing) % len(PALETTE)])
    return Phenotype(name, colour, next((str(k) for k in range(1, 10) if str(k) not in keys), ""))


def undone(events: Iterable[Event]) -> frozenset[int]:
    """Return the numbers of the events that are undone."""
    gone: set[int] = set()
    for event in events:
        if event.kind == "undo":
            gone.add(int(cast("int", event.payload["of"])))
        elif event.kind == "redo":
            gone.discard(int(cast("int", event.payload["of"])))
    return frozenset(gone)


def replay(events: Sequence[Event]) -> Annotations:
    """Return the state that a journal adds up to."""
    gone = undone(events)
    draft = _Draft(Annotations())
    for event in events:
        if event.seq not in gone:
            draft.apply(event)
    return draft.done()


def undoable(events: Sequence[Event]) -> int | None:
    """Return the number of the event that an undo would take back, or None."""
    gone = undone(events)
    inert = ("undo", "redo", "lost")
    return next((e.seq for e in reversed(events) if e.kind not in inert and e.seq not in gone), None)


def redoable(events: Sequence[Event]) -> int | None:
    """Return the number of the event that a redo would bring back, or None: a new event ends the chain of redos."""
    stack: list[int] = []
    for event in events:
        if event.kind == "undo":
            stack.append(int(cast("int", event.payload["of"])))
        elif event.kind == "redo":
            stack = [seq for seq in stack if seq != event.payload["of"]]
        elif event.kind != "lost":
            stack.clear()
    return stack[-1] if stack else None


@dataclass(frozen=True, eq=False)
class Match:
    """Which cell each annotation of a field hits.

    Attributes
    ----------
    cells
        Cell id to annotation, where all annotations of the cell agree (the latest one).
    lost
        Annotations whose point hits no cell.
    disputed
        Cell id to its annotations, where these give two classes, as happens when two cells become one.
    """

    cells: Mapping[int, Annotation]
    lost: tuple[Annotation, ...]
    disputed: Mapping[int, tuple[Annotation, ...]]

    @property
    def contested(self) -> tuple[Annotation, ...]:
        """Annotations of all cells that were given two classes."""
        return tuple(a for items in self.disputed.values() for a in items)


def match(annotations: Iterable[Annotation], masks: Masks, within: float = 5.0) -> Match:
    """Find the cells of a field's annotations by their inner points.

    Parameters
    ----------
    annotations
        Of one field.
    masks
        Of the same field, from whichever segmentation.
    within
        How many pixels the point may miss the cell.
    """
    return _matched((annotation, masks.at(annotation.y, annotation.x, within=within)) for annotation in annotations)


def match_known(annotations: Sequence[Annotation], mask_key: str) -> Match | None:
    """Return the cells of a field's annotations without reading masks, or None if some were made on other masks."""
    if any(a.mask_key != mask_key or a.cell < 0 for a in annotations):
        return None
    return _matched((annotation, annotation.cell) for annotation in annotations)


def _matched(found: Iterable[tuple[Annotation, int]]) -> Match:
    hits: dict[int, list[Annotation]] = defaultdict(list)
    for annotation, cell in found:
        hits[cell].append(annotation)
    lost = hits.pop(0, [])
    agreed = {cell: items[-1] for cell, items in hits.items() if len({a.phenotype for a in items}) == 1}
    return Match(agreed, tuple(lost), {cell: tuple(items) for cell, items in hits.items() if cell not in agreed})
