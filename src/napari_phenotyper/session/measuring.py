"""Measure plates, and read the cells that are current."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from napari_phenotyper.core.cells import Cells
from napari_phenotyper.core.errors import SettingError, TrainingError
from napari_phenotyper.core.field import Field
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.engine.plate import Outcome
from napari_phenotyper.session.failures import note_failures
from napari_phenotyper.session.illumination import flats_of, is_decided, light_of, light_steps
from napari_phenotyper.session.keys import Record, block_key, mask_key
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.remedies import MEASURE
from napari_phenotyper.session.segmenting import current_masks, segment_steps, segmenter_record
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.session.steps import Away, PlateOutcome, Steps, carry_out, over_plate, summary
from napari_phenotyper.session.tasks import Wanted, measure_well, with_pixels
from napari_phenotyper.store.cell_files import CellKeys
from napari_phenotyper.store.cells import CellStore
from napari_phenotyper.store.project import ILLUMINATION

Records = Mapping[str, Record]


def extractor_records(session: Reading) -> Records:
    """Return the extractors the project measures with, those on by default if none were chosen: id to record."""
    chosen = session.setting("extractors") or {name: {} for name in session.registry.defaults("extractor")}
    records = {}
    for name, settings in chosen.items():
        extension = session.registry.get("extractor", name)
        records[name] = extension.record(extension.make(settings))
    return records


def choose_extractors(session: Session, names: Sequence[str]) -> None:
    """Remember which extractors to measure with; "all" means all there are. Raises ExtensionError, SettingError."""
    if list(names) == ["all"]:
        names = session.registry.ids("extractor")
    if not names:
        raise SettingError("No extractor was named.", f"There are: {', '.join(session.registry.ids('extractor'))}.")
    for name in names:
        session.registry.get("extractor", name)
    session.set("extractors", {name: {} for name in names})


def wanted(session: Reading, plate: Plate, wells: Sequence[str] | None = None) -> Iterator[Wanted]:
    """Yield the segmented fields with the keys of their masks and columns. Raises TrainingError."""
    records, light = extractor_records(session), light_of(session, plate.name)
    for field, mask in current_masks(session, plate, wells):
        yield Wanted(field, mask, {name: block_key(mask, record, light) for name, record in records.items()})


def wanted_field(session: Reading, field: Field) -> Wanted | None:
    """Return a field with the keys of its masks and columns, None if it is not segmented. Raises TrainingError."""
    mask = mask_key(field, segmenter_record(session, session.plates[field.ref.plate]))
    if not session.project.masks.has(field.ref, mask):
        return None
    light = light_of(session, field.ref.plate)
    return Wanted(field, mask, {name: block_key(mask, r, light) for name, r in extractor_records(session).items()})


def wanted_by_well(
    session: Reading, plate: Plate, wells: Sequence[str] | None = None
) -> Mapping[WellRef, tuple[Wanted, ...]]:
    """Return the segmented fields of each well that has any. Raises TrainingError."""
    found: dict[WellRef, list[Wanted]] = defaultdict(list)
    for item in wanted(session, plate, wells):
        found[item.field.ref.well_ref].append(item)
    return {well: tuple(items) for well, items in found.items()}


def is_measured(session: Reading, item: Wanted) -> bool:
    """Tell whether a field's current columns are on disk."""
    return session.project.cells.has(item.field.ref, item.mask, item.blocks)


def measure(
    session: Session,
    plates: Sequence[Plate],
    progress: Progress,
    extractors: Sequence[str] | None = None,
    wells: Sequence[str] | None = None,
) -> PlateOutcome:
    """Measure all wells whose columns are not current.

    Parameters
    ----------
    session, plates
        What to measure; fields without masks are passed over.
    progress
        Reports and cancels; what is done stays done.
    extractors
        Ids; by default those used before, else those that are on by default.
    wells
        Only these wells.

    Raises
    ------
    TrainingError
        If a plate is not segmented.
    """
    return carry_out(measure_steps(session, plates, extractors, wells), progress)


def measure_steps(
    session: Session,
    plates: Sequence[Plate],
    extractors: Sequence[str] | None = None,
    wells: Sequence[str] | None = None,
    first: str = "",
) -> Steps[PlateOutcome]:
    """Return the steps that `measure` carries out; the well named first comes before the others.

    Raises TrainingError, ExtensionError, ProjectError.
    """
    needs_writing(session)
    if extractors is not None:
        choose_extractors(session, extractors)
    for plate in plates:
        yield from settle_light(session, plate)
    todo, kept, cells = yield Away(_to_measure, (session.snapshot(), plates, wells))
    todo.sort(key=lambda item: item[0].well != first)
    outcomes = _by_field((yield over_plate(session.runner, measure_well, todo, "Measuring well")))
    note_failures(session, outcomes, {item.field.ref for _, args in todo for item in args[2]})
    yield Away(_compact, (session.snapshot(), plates))
    for plate in plates:
        session.events.cells.emit(plate.name)
    return summary(outcomes, kept, cells)


def segment_and_measure_steps(
    session: Session,
    plate: Plate,
    segmenter: str | None,
    settings: Mapping[str, object] | None,
    wells: Sequence[str] | None,
    first: str,
) -> Steps[PlateOutcome]:
    """Return the steps that segment a plate and measure what was found; the arguments are those of the two."""
    segmented = yield from segment_steps(session, [plate], segmenter, settings, wells, first)
    measured = yield from measure_steps(session, [plate], None, wells, first)
    return PlateOutcome(segmented.done, segmented.kept, measured.cells, {**segmented.failed, **measured.failed})


def _to_measure(
    session: Reading, plates: Sequence[Plate], wells: Sequence[str] | None, progress: Progress
) -> tuple[list[tuple[WellRef, tuple[Any, ...]]], int, int]:
    """Return the wells with columns to measure and the arguments of their jobs; how many have none; their cells."""
    made: dict[str, Any] = {
        name: session.registry.make("extractor", name, record["settings"])  # type: ignore[arg-type]
        for name, record in extractor_records(session).items()
    }
    items: list[tuple[WellRef, tuple[Any, ...]]] = []
    kept = cells = 0
    for plate in plates:
        flats = flats_of(session, plate.name)
        for well, fields in wanted_by_well(session, plate, wells).items():
            todo = [part for item in fields if (part := _missing(session, item)) is not None]
            done = [item for item in fields if is_measured(session, item)]
            cells += sum(session.project.masks.count(item.field.ref, item.mask) for item in done)
            kept += not todo
            if todo:
                items.append((well, (session.folder, well, todo, made, flats)))
    return items, kept, cells


def _compact(session: Reading, plates: Sequence[Plate], progress: Progress) -> None:
    """Gather what was measured well by well in one file per plate: by key, as workers write, so without the lock."""
    for done, plate in enumerate(plates):
        progress(done / len(plates), f"Gathering the cells of {plate.name}")
        CellStore(session.project.cells.folder).compact(plate.name, wanted_keys(session, plate))


def settle_light(session: Session, plate: Plate) -> Steps[None]:
    """Decide, once for a plate, whether it is to be freed of uneven light before it is measured.

    One that was measured before anybody asked is left as it is, so that its results stay.
    """
    if is_decided(session, plate.name):
        return
    was_asked = plate.name in session.setting(ILLUMINATION)  # then the estimate is lost
    if was_asked or not (yield Away(_any_measured, (session.snapshot(), plate))):
        yield from light_steps(session, plate)


def _any_measured(session: Reading, plate: Plate, progress: Progress) -> bool:
    return any(is_measured(session, item) for item in wanted(session, plate))


def _missing(session: Reading, item: Wanted) -> Wanted | None:
    """Return what is still to be measured of a field, or None if nothing is."""
    names = session.project.cells.missing(item.field.ref, item.mask, item.blocks)
    if names is None:
        return item
    return replace(item, blocks={name: item.blocks[name] for name in names}) if names else None


def _by_field(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return one outcome per well that was measured, and one per field that failed in it."""
    wells = [o if o.error else Outcome(o.item, o.result.cells) for o in outcomes]
    fields = [Outcome(ref, error=why) for o in outcomes if not o.error for ref, why in o.result.failed.items()]
    return wells + fields


def wanted_keys(session: Reading, plate: Plate) -> dict[FieldRef, CellKeys]:
    """Return under which keys the current cells of each segmented field lie. Raises TrainingError."""
    return {item.field.ref: CellKeys(item.mask, item.blocks) for item in wanted(session, plate)}


def cells_of(session: Reading, plate: Plate, wells: Sequence[str] | None = None) -> Iterator[Cells]:
    """Yield the current cells of a plate, field by field; fields that are not measured are passed over.

    Raises
    ------
    TrainingError
        If nothing of the plate is measured.
    """
    items = {item.field.ref: item for item in wanted(session, plate)}
    chunks = session.project.cells.matrix(plate.name, wanted_keys(session, plate))
    if not chunks:
        raise TrainingError(
            f"Plate {plate.name} is not measured.",
            MEASURE,
        )
    chosen = None if wells is None else {plate.well(name).name for name in wells}
    for chunk in chunks:
        if chosen is None or chunk.field.well in chosen:
            yield with_pixels(session.folder, items[chunk.field], chunk)
