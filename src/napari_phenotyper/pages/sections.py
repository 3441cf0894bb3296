"""The sections of the report, each from the part of the content it shows; without that part it has no body."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from napari_phenotyper.core.masks import Labels
from napari_phenotyper.core.plate import NEGATIVE, POSITIVE
from napari_phenotyper.core.profile import Hit
from napari_phenotyper.core.wells import plate_shape
from napari_phenotyper.pages.content import ClassScore, EvaluationPart, PlateSummary, ReportContent
from napari_phenotyper.pages.figure_set import colours_in, plate_title
from napari_phenotyper.pages.html import Raw, big_numbers, bullets, chip, escape, notes, paragraph, picture, table
from napari_phenotyper.pages.numbers import count, estimate_text, of_100, plural, rate_text, value_text
from napari_phenotyper.pages.pictures import cell_gallery, field_picture
from napari_phenotyper.pages.plots import Plot
from napari_phenotyper.pages.result_plots import bars_plot, heat_plot, hits_plot, map_plot, stacked_plot, wells_plot
from napari_phenotyper.pages.score_plots import CONFUSION, RELIABILITY, SCORES, curve_plot, evaluation_plots
from napari_phenotyper.pages.style import to_png, to_svg
from napari_phenotyper.pages.treatments import shown_treatments, treatment_name
from napari_phenotyper.session.tables import table_text

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
    colours = colours_in(content)
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
    colours = colours_in(content)
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
    plate = plate_title(content)
    plots = {plot.name: plot for plot in evaluation_plots(part, plate, content.simulated)}
    if SCORES in plots:
        body.append(paragraph(_weakest(part.per_class)))
    captions = {
        SCORES: "recall and precision of each class, with 95 % intervals; labelled cells in brackets.",
        CONFUSION: "cells as annotated (rows) and as classified (columns). What is right lies on the diagonal.",
        RELIABILITY: "where the points lie on the line, a probability of 80 % is right in 80 of 100 cells.",
    }
    for name in (name for name in captions if name in plots):
        body.append(_sized(plots[name], f"{plate}: {captions[name]}"))
        if name == SCORES:
            body.append(_class_table(content, part))
    if content.curve is not None:
        caption = f"{plate}: scores on cells never learnt from, by the number of labels; shaded: 95 % intervals."
        body.append(_sized(curve_plot(content.curve, plate, content.simulated), caption))
        body.append(paragraph(f"All classes: {content.curve['forecast']['sentence']}"))
    return Section("classifier", title, "".join(body))


def _shown(plot: Plot, caption: str, *, png: bool = False, width: float | None = None) -> str:
    """Return a plot with its caption and a link to its numbers; as PNG where a drawing would be huge."""
    content = to_png(plot.figure) if png else to_svg(plot.figure)
    return picture(content, caption, width, table_text(*plot.rows), plot.name)


def _sized(plot: Plot, caption: str) -> str:
    """Return a plot that is narrower than the page."""
    return _shown(plot, caption, width=100 * plot.figure.get_figwidth())


def _class_table(content: ReportContent, part: EvaluationPart) -> str:
    """Return the scores of each class as a table."""
    colours = colours_in(content)
    rows = [
        (chip(colours[s.name], s.name), s.support, *(estimate_text(e) for e in (s.recall, s.precision, s.f1)))
        for s in part.per_class
    ]
    return table(("Class", "Cells", "Recall", "Precision", "F1"), rows, numeric=(1,))


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
    plate = plate_title(content)
    figure = cell_gallery(content.examples, colours_in(content), plate, simulated=content.simulated)
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
            plot = map_plot(values, name, column, roles, content.layout, shape=shapes.get(name), percent=True,
                            simulated=content.simulated)  # fmt: skip
            maps.append(_shown(plot, f"{name}: share of {column} in each well, in % of its cells.", png=True))
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
    plate = plate_title(content)
    drawn = profile, content.layout, colours_in(content), plate, content.simulated
    total = len({treatment_name(w, content.layout) for w in profile.wells})
    shown = len(shown_treatments(profile, content.layout))
    body = ""
    if shown < total:
        text = f"{shown} of {total} treatments are shown: the controls, and those that differ most from them."
        body = paragraph(text, "quiet")
    body += _shown(stacked_plot(*drawn), f"{plate}: mean share of each class by treatment; negative controls first.")
    body += _shown(
        bars_plot(*drawn),
        f"{plate}: mean share of each class by treatment, with its 95 % interval: of several wells by how they differ, "
        "of a single one by its number of cells.",
    )
    body += _shown(
        wells_plot(*drawn),
        f"{plate}: every well by itself, with its 95 % interval; the black bar is the mean of "
        "the wells. Replicates that disagree show here.",
    )
    body += _shown(
        heat_plot(profile, content.layout, plate, simulated=content.simulated)[0],
        f"{plate}: how far the mean of each treatment's wells lies from the negative controls, in standard deviations "
        "over the rows; treatments that act alike stand side by side.",
    )
    return Section("treatments", title, body)


def hits(content: ReportContent) -> Section:
    """Show the wells that differ from the controls."""
    title = "Hits"
    if not content.hits:
        return Section("hits", title, "", "" if content.shares is None else "score the wells against the controls.")
    colours, plate = colours_in(content), plate_title(content)
    plot = hits_plot(content.hits, content.layout, colours, plate, content.simulated, _MOST_HITS)
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
    body.append(_shown(plot, f"{plate}: the strongest scores, above or below the controls."))
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
