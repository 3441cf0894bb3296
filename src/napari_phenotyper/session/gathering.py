"""Gather the annotated cells of a project as a training set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_phenotyper.core.annotations import Annotation, Match
from napari_phenotyper.core.cells import Cells
from napari_phenotyper.core.crops import CachedCrops, Kept
from napari_phenotyper.core.errors import SettingError, TrainingError
from napari_phenotyper.core.keys import Json, digest
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.imported import ImportedCrops, imported_crops
from napari_phenotyper.session.labelling import match_field
from napari_phenotyper.session.measuring import wanted_field
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.remedies import MEASURE
from napari_phenotyper.session.tasks import Wanted, with_pixels


@dataclass(frozen=True, eq=False)
class Trainable:
    """A training set, its key, and what the user should know of it."""

    training: TrainingSet
    key: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class FieldSample:
    """The annotated cells of one field: the part of a training set that is read from disk.

    Attributes
    ----------
    ref
        The field.
    item
        Its keys.
    match
        Which cell each annotation hits.
    cells
        The annotated cells, a row each; None if the field is not measured.
    """

    ref: FieldRef
    item: Wanted | None
    match: Match
    cells: Cells | None

    @property
    def annotations(self) -> list[Annotation]:
        """The annotation of each row."""
        return [] if self.cells is None else [self.match.cells[int(i)] for i in self.cells.ids]


def training_set(session: Reading, group: str = "well", seed: int = 0) -> Trainable:
    """Gather the annotated cells of all plates.

    Parameters
    ----------
    session
        With annotations, masks and measurements.
    group
        What is never split between training and testing: "well", "plate", "field", "treatment", "annotator", or any
        other column of the layout.
    seed
        Goes into every fit.

    Raises
    ------
    TrainingError
        If no annotated cell is measured.
    SettingError
        If no layout has that column.
    """
    found = [sample_field(session, ref, standing) for ref, standing in session.annotations.by_field().items()]
    return assemble_all(session, [s for s in found if s is not None], imported_crops(session), group, seed)


def assemble_all(
    session: Reading,
    samples: Sequence[FieldSample],
    imported: Sequence[ImportedCrops],
    group: str = "well",
    seed: int = 0,
) -> Trainable:
    """Put a training set of annotated cells and imported crops together; raises as `training_set`."""
    if not imported:
        return assemble(session, samples, group, seed)
    own = [assemble(session, samples, group, seed)] if any(s.annotations for s in samples) else []
    return _joined(session, own, imported, seed)


def _joined(session: Reading, own: Sequence[Trainable], imported: Sequence[ImportedCrops], seed: int) -> Trainable:
    """Return the annotated cells together with imported crops, as far as their classes are still among the classes."""
    parts = [(one.training, "") for one in own] + [(one.training, f"{one.name} ") for one in imported]
    known = session.annotations.classes
    names = [part.classes[k] for part, _ in parts for k in part.labels]
    groups = [prefix + part.group_names[g] for part, prefix in parts for g in part.groups]
    used = np.array([name in known for name in names], bool)
    classes = tuple(name for name in known if name in set(names))
    group_names = tuple(sorted(set(groups)))
    whole = TrainingSet(
        tuple(chunk for part, _ in parts for chunk in part.cells), classes,
        np.array([classes.index(name) if name in known else 0 for name in names], np.intp),
        np.array([group_names.index(name) for name in groups], np.intp), group_names, seed,
    ).take(used)  # fmt: skip
    sources: list[Trainable | ImportedCrops] = [*own, *imported]
    warnings = [text for one in sources for text in one.warnings]
    if not used.all():
        gone = sorted({name for name, keep in zip(names, used, strict=True) if not keep})
        warnings.append(f"{int((~used).sum())} imported crops are not used: {', '.join(gone)} is no class any more.")
    keys: list[Json] = [one.key for one in sources]
    return Trainable(whole, digest(keys, list(classes), seed), tuple(warnings))


def sample_field(
    session: Reading, ref: FieldRef, standing: Sequence[Annotation], kept: Kept | None = None
) -> FieldSample | None:
    """Read the annotated cells of a field; None if it has no current masks. `kept` are crops of the same masks."""
    matched = match_field(session, ref, standing)
    if matched is None:
        return None
    item = wanted_field(session, session.plates[ref.plate].field(ref.well, ref.field))
    cells = session.project.cells.get(ref, item.mask, item.blocks) if item else None
    if item is None or cells is None:
        return FieldSample(ref, item, matched, None)
    rows = np.flatnonzero(np.isin(cells.ids, list(matched.cells)))
    return FieldSample(
        ref, item, matched, _with_cached_crops(session, item, cells.take(rows), {} if kept is None else kept)
    )


def assemble(session: Reading, samples: Sequence[FieldSample], group: str = "well", seed: int = 0) -> Trainable:
    """Put a training set together; raises as `training_set`."""
    chunks: list[Cells] = []
    names: list[str] = []
    groups: list[str] = []
    parts: list[Json] = []
    for sample in sorted(samples, key=lambda s: s.ref):
        cells, found = sample.cells, sample.annotations
        if cells is None or sample.item is None or not found:
            continue
        chunks.append(cells)
        names += [a.phenotype for a in found]
        groups += [_group(session, sample.ref, group, a.annotator) for a in found]
        labels: list[Json] = [[int(i), a.phenotype] for i, a in zip(cells.ids, found, strict=True)]
        parts.append([list(sample.ref), dict(sample.item.blocks), labels])
    if not chunks:
        raise TrainingError(
            "No annotated cell is measured.", "Annotate cells and measure the plate: phenotyper annotate, measure."
        )
    present = set(names)
    classes = tuple(c for c in session.annotations.classes if c in present)
    group_names = tuple(sorted(set(groups)))
    training = TrainingSet(
        tuple(chunks), classes, np.array([classes.index(n) for n in names], np.intp),
        np.array([group_names.index(g) for g in groups], np.intp), group_names, seed,
    )  # fmt: skip
    return Trainable(training, digest(parts, list(classes), seed), _warnings(samples))


def _with_cached_crops(session: Reading, item: Wanted, cells: Cells, kept: Kept) -> Cells:
    """Return cells whose crops are cut once, however often cross-validation asks for them."""
    live = with_pixels(session.folder, item, cells)
    assert live.pixels is not None
    return replace(cells, pixels=CachedCrops(live.pixels, cells.ids, cells.y, cells.x, kept))


def _group(session: Reading, ref: FieldRef, group: str, annotator: str) -> str:
    """Return the name of the group that a cell belongs to."""
    simple = {"well": f"{ref.plate} {ref.well}", "plate": ref.plate, "field": str(ref), "annotator": annotator}
    if group in simple:
        return simple[group]
    value = session.plates[ref.plate].layout.of(ref.well_ref).value(group)
    if value is None:
        raise SettingError(
            f"The layout has no column {group!r}.",
            "Group by well, plate, field, treatment, replicate, batch, annotator or a column of layout.csv.",
        )
    return value or f"{ref.plate} {ref.well}"


def _warnings(samples: Sequence[FieldSample]) -> tuple[str, ...]:
    lost = sum(len(s.match.lost) for s in samples)
    contested = sum(len(s.match.contested) for s in samples)
    unmeasured = sum(len(s.match.cells) - len(s.annotations) for s in samples)
    said = []
    if lost:
        said.append(f"{lost} annotations hit no cell of today's masks and are not used.")
    if contested:
        said.append(f"{contested} annotations share a cell with another class and are not used.")
    if unmeasured:
        said.append(f"{unmeasured} annotated cells are not measured and not used. {MEASURE}")
    return tuple(said)
