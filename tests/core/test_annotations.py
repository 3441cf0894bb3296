"""Events add up to the state that a plain undo stack has."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_phenotyper.core.annotations import (
    NOT_A_CELL,
    PALETTE,
    Annotation,
    Annotations,
    Event,
    match,
    match_known,
    next_phenotype,
    redoable,
    replay,
    undoable,
)
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import NUCLEI, Masks
from napari_phenotyper.core.wells import FieldRef

REF = FieldRef("P1", "B03", 1)
Operation = tuple[str, dict[str, Any]]


def annotation(name: str, phenotype: str, y: float = 0.0, x: float = 0.0, ref: FieldRef = REF) -> Annotation:
    return Annotation(name, ref, y, x, y, x, "k", phenotype, "me", "2024-01-01T00:00:00+00:00")


def annotate(names: Sequence[str], phenotype: str, replaces: Sequence[str] = ()) -> Operation:
    states = [annotation(name, phenotype).state() for name in names]
    return "annotate", {"annotations": states, "replaces": list(replaces)}


IDS = st.lists(st.sampled_from("abcdef"), max_size=3, unique=True)
CLASS = st.sampled_from(["mitosis", "interphase", "dead", NOT_A_CELL])
OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(annotate, IDS, CLASS, IDS),
    st.builds(lambda ids: ("clear", {"ids": ids}), IDS),
    st.builds(lambda name: ("phenotype", {"name": name, "colour": "#123456", "key": "7"}), CLASS),
    st.builds(lambda old, new: ("rename", {"old": old, "new": new}), CLASS, CLASS).filter(
        lambda operation: operation[1]["old"] != operation[1]["new"]
    ),
    st.builds(lambda name: ("remove", {"name": name}), CLASS),
)
WISHES = st.lists(st.one_of(OPERATIONS, st.sampled_from(["undo", "redo"])), max_size=25)


class Journal:
    """Events, numbered; undo and redo choose their event as a session does."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, kind: str, payload: dict[str, Json]) -> None:
        through_json = json.loads(json.dumps(payload))
        self.events.append(Event(len(self.events) + 1, kind, through_json))

    def wish(self, wish: Operation | str) -> bool:
        if not isinstance(wish, str):
            self.add(*wish)
            return True
        of = undoable(self.events) if wish == "undo" else redoable(self.events)
        if of is not None:
            self.add(wish, {"of": of})
        return of is not None


def naive(operations: Sequence[Operation]) -> tuple[dict[str, str], list[str]]:
    """What the operations mean, on a dictionary and a list."""
    active: dict[str, str] = {}
    classes: list[str] = []
    for kind, values in operations:
        new = {item["id"]: item["phenotype"] for item in values.get("annotations", ())}
        for gone in (*values.get("replaces", ()), *values.get("ids", ())):
            active.pop(gone, None)
        active |= new
        named = {values["name"]} if kind == "phenotype" else set(new.values())
        classes.extend(named - set(classes))
        if kind == "rename":
            old, name = values["old"], values["new"]
            active = {k: name if c == old else c for k, c in active.items()}
            # into a class that exists: a merge, which keeps the other's place
            classes = (
                [c for c in classes if c != old] if name in classes else [name if c == old else c for c in classes]
            )
        elif kind == "remove":
            active = {k: c for k, c in active.items() if c != values["name"]}
            classes = [c for c in classes if c != values["name"]]
    return active, classes


def seen(state: Annotations) -> tuple[list[tuple[str, str]], list[str]]:
    return [(k, a.phenotype) for k, a in state.active.items()], list(state.classes)


@given(WISHES)
def test_any_sequence_of_wishes_adds_up_to_what_an_undo_stack_holds(wishes: list[Operation | str]) -> None:
    journal = Journal()
    done: list[Operation] = []
    undone: list[Operation] = []
    for wish in wishes:
        happened = journal.wish(wish)
        if not isinstance(wish, str):
            done.append(wish)
            undone.clear()
        elif wish == "undo":
            assert happened == bool(done)
            undone.extend([done.pop()] if happened else [])
        else:
            assert happened == bool(undone)
            done.extend([undone.pop()] if happened else [])
        active, classes = naive(done)
        assert seen(replay(journal.events)) == (list(active.items()), classes)


@given(WISHES, st.integers(0, 30))
def test_undoing_and_redoing_as_often_is_as_if_nothing_had_been(wishes: list[Operation | str], times: int) -> None:
    journal = Journal()
    for wish in wishes:
        journal.wish(wish)
    before = seen(replay(journal.events))
    undone = sum(journal.wish("undo") for _ in range(times))
    assert sum(journal.wish("redo") for _ in range(undone)) == undone
    assert seen(replay(journal.events)) == before


@given(st.lists(OPERATIONS, max_size=10))
def test_undoing_everything_leaves_nothing(operations: list[Operation]) -> None:
    journal = Journal()
    for operation in operations:
        journal.wish(operation)
    while journal.wish("undo"):
        pass
    assert seen(replay(journal.events)) == ([], [])


def test_a_new_annotation_ends_the_chain_of_redos() -> None:
    journal = Journal()
    journal.wish(annotate(["a"], "mitosis"))
    journal.wish("undo")
    journal.wish(annotate(["b"], "mitosis"))
    assert redoable(journal.events) is None


def test_an_annotation_survives_json() -> None:
    made = annotation("a", "mitosis", 1.5, 2.5)
    assert Annotation.restore(json.loads(json.dumps(made.state()))) == made


def test_events_of_an_unknown_kind_change_nothing() -> None:
    state = Annotations().apply(Event(1, "annotate", annotate(["a"], "mitosis")[1]))
    after = state.apply(Event(2, "lost", {}))
    assert (after.active, after.phenotypes) == (state.active, state.phenotypes)


def test_a_class_that_is_annotated_first_gets_a_colour_and_a_key_of_its_own() -> None:
    journal = Journal()
    for number in range(20):
        journal.wish(annotate([str(number)], f"class {number}"))
    phenotypes = replay(journal.events).phenotypes
    assert len({p.colour for p in phenotypes[: len(PALETTE)]}) == len(PALETTE)
    assert [p.key for p in phenotypes[:10]] == ["1", "2", "3", "4", "5", "6", "7", "8", "9", ""]
    assert next_phenotype(NOT_A_CELL, phenotypes).key == ""


def test_renaming_into_a_class_that_exists_merges_the_two() -> None:
    journal = Journal()
    journal.wish(annotate(["a"], "mitosis"))
    journal.wish(annotate(["b"], "dead"))
    journal.wish(("rename", {"old": "dead", "new": "mitosis"}))
    assert seen(replay(journal.events)) == ([("a", "mitosis"), ("b", "mitosis")], ["mitosis"])
    journal.wish("undo")
    assert seen(replay(journal.events)) == ([("a", "mitosis"), ("b", "dead")], ["mitosis", "dead"])


def test_annotations_are_gathered_by_field() -> None:
    other = FieldRef("P1", "B03", 2)
    items = [annotation("a", "m"), annotation("b", "m", ref=other), annotation("c", "m")]
    by_field = Annotations({a.id: a for a in items}).by_field()
    assert {ref: [a.id for a in found] for ref, found in by_field.items()} == {REF: ["a", "c"], other: ["b"]}


def masks(paint: Callable[[np.ndarray], None]) -> Masks:
    labels = np.zeros((40, 40), np.int32)
    paint(labels)
    return Masks({NUCLEI: labels})


def two_cells(labels: np.ndarray) -> None:
    labels[5:15, 5:15], labels[5:15, 20:30] = 1, 2


def one_cell(labels: np.ndarray) -> None:
    labels[5:15, 5:30] = 7


def test_annotations_find_their_cells_by_their_points_under_any_numbers() -> None:
    found = match([annotation("a", "mitosis", 10, 10), annotation("b", "dead", 10, 25)], masks(two_cells))
    assert {cell: a.id for cell, a in found.cells.items()} == {1: "a", 2: "b"}
    assert found.lost == () and found.contested == ()


def test_an_annotation_whose_cell_is_gone_is_lost() -> None:
    far, near = annotation("far", "dead", 30, 30), annotation("near", "dead", 18, 10)
    found = match([far, near], masks(two_cells))
    assert found.lost == (far,) and found.cells == {1: near}


@pytest.mark.parametrize(("second", "contested"), [("dead", 2), ("mitosis", 0)])
def test_two_classes_in_one_cell_are_contested_and_one_class_twice_is_not(second: str, contested: int) -> None:
    found = match([annotation("a", "mitosis", 10, 10), annotation("b", second, 10, 25)], masks(one_cell))
    assert len(found.contested) == contested
    assert {cell: a.id for cell, a in found.cells.items()} == ({} if contested else {7: "b"})


def test_annotations_of_todays_masks_need_no_masks_to_find_their_cells() -> None:
    made = [replace(annotation(n, "dead", 1, 1), mask_key="today", cell=c) for n, c in (("a", 4), ("b", 0))]
    found = match_known(made, "today")
    assert found is not None and found.cells == {4: made[0]} and found.lost == (made[1],)


def test_annotations_of_other_masks_do() -> None:
    made = replace(annotation("a", "dead", 1, 1), mask_key="yesterday", cell=4)
    assert match_known([made], "today") is None
    assert match_known([replace(made, mask_key="today", cell=-1)], "today") is None


def test_eighty_classes_have_a_colour_each():
    found = []
    for number in range(80):
        found.append(next_phenotype(f"class {number}", found))
    assert len({phenotype.colour for phenotype in found}) == 80
    assert all(len(phenotype.colour) == 7 and int(phenotype.colour[1:], 16) >= 0 for phenotype in found)
