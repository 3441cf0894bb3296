"""The next step, in one sentence: what a person who never saw the window should do now."""

from __future__ import annotations

from html import escape

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.desk.survey import Survey
from napari_phenotyper.session.labelling import counts

PLATE, SEGMENT, ANNOTATE, TRAIN, RESULTS = range(5)
"""The tabs of the way, in their order."""
DO_SEGMENT, DO_HITS = "segment", "hits"
"""Links that do the step itself, as the button in the tab would."""
ENOUGH = 10
"""Annotated cells of every class from which on the scores give the advice."""


def next_step(desk: Desk) -> str:
    """Return what to do next, as rich text whose links name a tab or do the step."""
    plate = desk.viewing.plate
    if plate is None:
        return "Open a plate, or the sample plate."
    if desk.session.project.read_only:
        why = desk.session.project.locked_by or "The project is open for reading only."
        return f"{escape(why)} You can look, but nothing is stored."
    if not any(channel.role == "DNA" for channel in plate.channels):
        return f"Say which channel shows the nuclei (DNA): {_link(PLATE, 'Plate')}."
    known = desk.surveys.get(plate.name, Survey())
    if not known.cells and any(job.title.startswith("Segmenting") for job in desk.background.jobs):
        return f"The cells are being found. Meanwhile name classes in {_link(ANNOTATE, 'Annotate')}."
    if not known.cells:
        now = _link(DO_SEGMENT, "Segment and measure now")
        return f"Next: find the cells. {now} with what is suggested, or choose how in {_link(SEGMENT, 'Segment')}."
    return _annotating(desk, known)


def _annotating(desk: Desk, known: Survey) -> str:
    given = {name: n for name, n in counts(desk.session).items() if name != NOT_A_CELL}
    if not given:
        return f"Next: name a class in {_link(ANNOTATE, 'Annotate')}, for example Interphase, then click cells of it."
    if len(given) < 2:
        return f"Add a second class in {_link(ANNOTATE, 'Annotate')}, so that there is something to tell apart."
    empty = [name for name, n in given.items() if not n]
    if empty:
        return f"Click cells of {escape(empty[0])}."
    if not known.measured:
        return f"The cells are not measured: {_link(SEGMENT, 'Segment and measure')} the plate."
    rarest = min(given, key=lambda name: given[name])
    if given[rarest] < ENOUGH:
        return f"Click more cells, in several wells: {escape(rarest)} has {given[rarest]}."
    warnings = (desk.scores or {}).get("warnings", ())
    if warnings and not desk.stale:
        return f"{escape(warnings[0])}."
    if desk.results.findings is None:
        return (
            f"Look at the scores in {_link(TRAIN, 'Train')} and correct cells that look wrong; "
            f"then {_link(DO_HITS, 'find the hits')}."
        )
    return f"Click a hit in {_link(RESULTS, 'Results')} to see its cells; correct those whose class looks wrong."


def _link(to: int | str, text: str) -> str:
    return f'<a href="{to}" style="color:#5aa9e6">{text}</a>'
