"""The sections of the report, each from the part of the content it shows; without that part it has no body."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.core.masks import Labels
from napari_phenotyper.core.plate import NEGATIVE, POSITIVE
from napari_phenotyper.core.profile import Hit
from napari_phenotyper.core.wells import plate_shape
from napari_phenotyper.pages.content import ClassScore, EvaluationPart, PlateSummary, ReportContent
from napari_phenotyper.pages.html import Raw, big_numbers, bullets, chip, escape, notes, paragraph, picture, table
from napari_phenotyper.pages.numbers import count, estimate_text, of_100, plural, rate_text, value_text
from napari_phenotyper.pages.pictures import cell_gallery, field_picture
from napari_phenotyper.pages.plate_map import plate_map
from napari_phenotyper.pages.profile_heat import profile_heat_map
from napari_phenotyper.pages.scores import class_scores, confusion_matrix, reliability_diagram
from napari_phenotyper.pages.style import colours_of, to_png, to_svg
from napari_phenotyper.pages.treatments import class_intervals, class_shares, hit_bars, shown_treatments, treatment_name

_MOST_PLATES, _MOST_HITS, _FEW_LABELS = 4, 30, 20


class Section(NamedTuple):
    """A section: anchor, title, HTML (empty if there is nothing to show yet), and the step that would fill it."""

    id: str
    title: str
    body: str
    next_step: str = ""


def plates(content: ReportContent) -> Section:
    """Show what was opened, and what is wrong with it."""
    next_step = "open a plate."
    if not content.plates:
        return Section("plate", "The plate", "", next_step)
    numbers = [
        (count(sum(p.wells for p in content.plates)), "wells"),
        (count(sum(p.fields for p in content.plates)), "fields"),
    ]
    if len(content.plates) > 1:
        numbers.insert(0, (count(len(content.plates)), "plates"))
    roles = [content.layout.of(w).role for w in content.layout.conditions]
    body = [big_numbers(numbers)]
    if len(content.layout):
        named = {content.layout.of(w).treatment for w in content.layout.conditions} - {""}
        body.append(
            paragraph(
                f"The layout names {plural(len(named), 'treatment')}, with {plural(roles.count(NEGATIVE), 'well')} "
                f"of negative and {plural(roles.count(POSITIVE), 'well')} of positive control."
            )
        )
    else:
        body.append(paragraph("There is no layout yet: without negative controls no hits can be called.", "quiet"))
    header = ("Plate", "Wells", "Fields", "Channels", "Pixel size")
    shown = content.plates[:50]
    body.append(table(header, [_plate_row(p) for p in shown], numeric=(1, 2)))
    if len(content.plates) > len(shown):
        body.append(paragraph(f"and {len(content.plates) - len(shown)} more plates.", "quiet"))
    title = "The plate" if len(content.plates) == 1 else "The plates"
    return Section("plate", title, "".join(body), next_step)


def _plate_row(plate: PlateSummary) -> tuple[object, ...]:
    size = f"{plate.pixel_size:g} µm" if plate.pixel_size else "not given"
    return plate.name, plate.wells, plate.fields, ", ".join(plate.channels), size


def segmentation(content: ReportContent) -> Section:
    """Show how cells were found, with pictures to judge it by."""
    part = content.segmentation
    if part is None:
        return Section("segmentation", "Segmentation", "", "find the cells (Segment).")
    per_field = f"{part.cells / part.fields:.0f}" if part.fields else "0"
    body = [
        paragraph(part.method),
        big_numbers([(count(part.cells), "cells"), (per_field, "cells per field"), (part.fields, "fields")]),
    ]
    if part.failed:
        body.append(paragraph(f"Not segmented: {plural(len(part.failed), 'field')}."))
        body.append(bullets(part.failed[:10]))
    if part.doubts:
        body.append(paragraph(f"Doubtful fields: {part.doubtful}. A profile can leave them out."))
        body.append(bullets(part.doubts[:10]))
    colours = _colours(content)
    for example in part.examples:
        figure = field_picture(example, colours, "outlines of the masks", simulated=content.simulated)
        body.append(picture(to_png(figure), f"{example.ref}, with the outlines of its {_cells_in(example.labels)}."))
    return Section("segmentation", "Segmentation", "".join(body))


def _cells_in(labels: Labels) -> str:
    return plural(int(np.count_nonzero(np.unique(labels))), "mask")


def labelled(content: ReportContent) -> Section:
    """Show what was labelled."""
    part = content.annotations
    if part is None or not part.counts:
        return Section("annotations", "Annotations", "", "click on some cells of each class (Annotate).")
    colours = _colours(content)
    total = sum(part.counts.values())
    where = f" in {plural(part.wells, 'well')}" if part.wells else ""
    who = f" by {', '.join(part.annotators)}" if part.annotators else ""
    body = [paragraph(f"{plural(total, 'cell')} of {plural(len(part.counts), 'class', 'es')} labelled{where}{who}.")]
    rows = [(chip(colours[name], name), count(number)) for name, number in part.counts.items()]
    body.append(table(("Class", "Cells labelled"), rows, numeric=(1,)))
    advice = []
    few = [name for name, number in part.counts.items() if number < _FEW_LABELS]
    if few:
        advice.append(
            f"Fewer than {_FEW_LABELS} cells are labelled as {', '.join(few)}: what is said of them is unsure."
        )
    if part.lost:
        advice.append(f"Labels that no longer hit a cell since the masks changed: {part.lost}.")
    if part.contested:
        advice.append(f"Labels that contradict each other within one cell, and are not used: {part.contested}.")
    return Section("annotations", "Annotations", "".join(body) + notes(advice))


def evaluation(content: ReportContent) -> Section:
    """Show how good the classifier is, in words first."""
    part = content.evaluation
    title = "How good the classifier is"
    if part is None:
        return Section("classifier", title, "", "train a classifier and look at how good it is (Train).")
    body = [paragraph(f"{part.classifier}. {part.procedure}"), notes(part.advice)]
    if part.scores:
        rows = [(s.name, estimate_text(s.estimate), s.meaning) for s in part.scores]
        body.append(table(("Score", "Value (95 % interval)", "What it says"), rows))
    body.append(_per_class(content, part))
    plate, simulated = _plate_title(content), content.simulated
    if part.confusion.any():
        figure = confusion_matrix(part.confusion, part.classes, plate, simulated=simulated)
        caption = f"{plate}: cells as annotated (rows) and as classified (columns). What is right lies on the diagonal."
        body.append(picture(to_svg(figure), caption, 100 * figure.get_figwidth()))
    if part.reliability is not None and (part.reliability.cells > 0).any():
        figure = reliability_diagram(part.reliability, plate, simulated=simulated)
        caption = f"{plate}: where the points lie on the line, a probability of 80 % is right in 80 of 100 cells."
        body.append(picture(to_svg(figure), caption, 100 * figure.get_figwidth()))
    return Section("classifier", title, "".join(body))


def _per_class(content: ReportContent, part: EvaluationPart) -> str:
    """Return the scores of each class: a figure, a table and, for the weakest class, a sentence."""
    if not part.per_class:
        return ""
    colours = _colours(content)
    plate = _plate_title(content)
    figure = class_scores(part.per_class, plate, simulated=content.simulated)
    caption = f"{plate}: recall and precision of each class, with 95 % intervals; labelled cells in brackets."
    rows = [
        (chip(colours[s.name], s.name), s.support, *(estimate_text(e) for e in (s.recall, s.precision, s.f1)))
        for s in part.per_class
    ]
    header = ("Class", "Cells", "Recall", "Precision", "F1")
    return (
        paragraph(_weakest(part.per_class))
        + picture(to_svg(figure), caption, 100 * figure.get_figwidth())
        + table(header, rows, numeric=(1,))
    )


def _weakest(scores: tuple[ClassScore, ...]) -> str:
    """Return in words how well the class that is found worst is found."""
    known = [s for s in scores if math.isfinite(s.recall.value)]
    if not known:
        return "There are too few labelled cells to say how well each class is found."
    worst = min(known, key=lambda s: s.recall.value)
    text = f"Of 100 cells of the class that is found worst, {worst.name}, it finds {of_100(worst.recall)}"
    if math.isfinite(worst.precision.value):
        text += f"; of 100 cells that it calls so, {of_100(worst.precision)} are right"
    return text + "."


def examples(content: ReportContent) -> Section:
    """Show cells of each class."""
    title = "Cells of each class"
    if not content.examples:
        return Section("cells", title, "")
    plate = _plate_title(content)
    figure = cell_gallery(content.examples, _colours(content), plate, simulated=content.simulated)
    bar = " The bar in the first cell is 10 µm." if any(e.pixel_size for e in content.examples) else ""
    caption = f"{plate}: examples of each class, all with the same contrast.{bar}"
    return Section("cells", title, picture(to_png(figure), caption))


def plate_maps(content: ReportContent) -> Section:
    """Show the share of each class in every well of each plate."""
    title, profile = "Plate maps", content.shares
    if profile is None or not profile.wells:
        return Section("maps", title, "", "predict the whole plate (Train, then Results).")
    names = list(dict.fromkeys(well.plate for well in profile.wells))
    shapes = {plate.name: plate.shape for plate in content.plates}
    body = [paragraph(profile.note, "quiet")] if profile.note else []
    if len(names) > _MOST_PLATES:
        body.append(paragraph(f"The first {_MOST_PLATES} of {len(names)} plates are shown.", "quiet"))
    for name in names[:_MOST_PLATES]:
        rows = [i for i, well in enumerate(profile.wells) if well.plate == name]
        roles = {w.well: c.role for w, c in content.layout.conditions.items() if w.plate == name}
        maps = []
        for j, column in enumerate(profile.columns):
            values = {profile.wells[i].well: float(profile.values[i, j]) for i in rows}
            figure = plate_map(values, name, column, roles=roles, shape=shapes.get(name), percent=True,
                               simulated=content.simulated)  # fmt: skip
            maps.append(picture(to_png(figure), f"{name}: share of {column} in each well, in % of its cells."))
        wells = np.prod(shapes.get(name) or plate_shape(w.well for w in profile.wells if w.plate == name))
        side_by_side = ' class="two"' if wells <= 384 else ""
        body.append(f"<h3>{escape(name)}</h3><div{side_by_side}>{''.join(maps)}</div>")
    return Section("maps", title, "".join(body))


def treatments(content: ReportContent) -> Section:
    """Show the class shares by treatment."""
    title, profile = "Treatments", content.shares
    if profile is None or not profile.wells:
        return Section("treatments", title, "")
    if not len(content.layout):
        return Section("treatments", title, "", "say what was done to each well (a layout with treatment and role).")
    colours, plate = _colours(content), _plate_title(content)
    bars = class_shares(profile, content.layout, colours, plate, simulated=content.simulated)
    wells = class_intervals(profile, content.layout, colours, plate, simulated=content.simulated)
    total = len({treatment_name(w, content.layout) for w in profile.wells})
    shown = len(shown_treatments(profile, content.layout))
    body = ""
    if shown < total:
        text = f"{shown} of {total} treatments are shown: the controls, and those that differ most from them."
        body = paragraph(text, "quiet")
    body += picture(to_svg(bars), f"{plate}: mean share of each class by treatment; negative controls first.")
    body += picture(
        to_svg(wells),
        f"{plate}: every well by itself, with its 95 % interval; the black bar is the mean of "
        "the wells. Replicates that disagree show here.",
    )
    heat = profile_heat_map(profile, content.layout, plate, simulated=content.simulated)
    body += picture(
        to_svg(heat.figure),
        f"{plate}: how far the mean of each treatment's wells lies from the negative controls, in standard deviations "
        "over the rows; treatments that act alike stand side by side.",
    )
    return Section("treatments", title, body)


def hits(content: ReportContent) -> Section:
    """Show the wells that differ from the controls."""
    title = "Hits"
    if not content.hits:
        return Section("hits", title, "", "" if content.shares is None else "score the wells against the controls.")
    colours, plate = _colours(content), _plate_title(content)
    figure = hit_bars(content.hits, content.layout, colours, plate, most=_MOST_HITS, simulated=content.simulated)
    others = [h for h in content.hits if content.layout.of(h.well).role != NEGATIVE and math.isfinite(h.score)]
    known = [h for h in others if isinstance(h.evidence.get("q"), int | float)]
    body = [paragraph(f"Score: {content.scorer}.")] if content.scorer else []
    if known:
        strong = [h for h in known if float(str(h.evidence["q"])) < 0.05]
        wells = len({h.well for h in strong})
        body.append(
            paragraph(
                "Wells that differ from the negative controls in at least one class, at a false discovery rate of 5 %: "
                f"{wells} of {len({h.well for h in others})}."
            )
        )
    body.append(picture(to_svg(figure), f"{plate}: the strongest scores, above or below the controls."))
    strongest = sorted(others, key=lambda hit: -abs(hit.score))[:_MOST_HITS]
    header = ("Well", "Treatment", "Class", "Score", "Value", "Controls", "Cells", "q")
    rows = [_hit_row(hit, content, colours) for hit in strongest]
    body.append(table(header, rows, numeric=(3, 4, 5, 6, 7)))
    return Section("hits", title, "".join(body))


def _hit_row(hit: Hit, content: ReportContent, colours: Mapping[str, str]) -> tuple[object, ...]:
    shares = content.shares is not None and hit.column in content.shares.columns
    several = len(content.plates) > 1
    where = f"{hit.well.plate} {hit.well.well}" if several else hit.well.well
    name: object = chip(colours[hit.column], hit.column) if hit.column in colours else hit.column
    q = hit.evidence.get("q")
    return (
        where,
        treatment_name(hit.well, content.layout),
        name,
        f"{hit.score:+.1f}",
        value_text(hit.evidence.get("value"), shares),
        value_text(hit.evidence.get("control"), shares),
        hit.evidence.get("n", ""),
        rate_text(float(q)) if isinstance(q, int | float) else "",
    )


def methods(content: ReportContent) -> Section:
    """Show how all this was made, so that it can be made again."""
    title = "Methods and provenance"
    if not (content.methods or content.steps or content.software):
        return Section("methods", title, "")
    body = [paragraph(text) for text in content.methods]
    if content.steps:
        rows = [
            (s.stage, s.extension, s.version, Raw(f"<code>{escape(_settings(s.settings))}</code>"),
             Raw(f"<code>{escape(s.key)}</code>"))
            for s in content.steps
        ]  # fmt: skip
        body.append(table(("Step", "Extension", "Version", "Settings", "Key"), rows, numeric=(2,)))
    if content.software:
        body.append(paragraph(", ".join(f"{name} {version}" for name, version in content.software.items()), "quiet"))
    return Section("methods", title, "".join(body))


def _settings(settings: Mapping[str, object]) -> str:
    return ", ".join(f"{k}={json.dumps(v, ensure_ascii=False, default=str)}" for k, v in settings.items()) or "none"


def _colours(content: ReportContent) -> Mapping[str, str]:
    """Return the colour of every class that the page speaks of."""
    names = [p.name for p in content.phenotypes]
    names += list(content.annotations.counts) if content.annotations else []
    names += (
        [*content.evaluation.classes, *(s.name for s in content.evaluation.per_class)] if content.evaluation else []
    )
    names += [e.name for e in content.examples]
    names += content.shares.columns if content.shares is not None else ()
    if content.segmentation is not None:
        names += [name for example in content.segmentation.examples for name in example.classes.values()]
    ordered = dict.fromkeys(name for name in names if name != NOT_A_CELL)
    return colours_of([*ordered, NOT_A_CELL], content.phenotypes)


def _plate_title(content: ReportContent) -> str:
    names = [plate.name for plate in content.plates]
    if not names and content.shares is not None:
        names = list(dict.fromkeys(well.plate for well in content.shares.wells))
    return names[0] if len(names) == 1 else f"{content.title} ({len(names)} plates)" if names else content.title
