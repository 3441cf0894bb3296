"""Commands that look after labels: `phenotyper annotate`, `labels`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_phenotyper.console import at_work, say, show, show_table
from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.options import AsJson, Out, Pattern, PlatePath, Project
from napari_phenotyper.pages.label_words import plan_details, plan_sentences, strays_text
from napari_phenotyper.session import astray, label_files, labelling


def annotate(
    plate: PlatePath,
    source: Annotated[Path, typer.Option("--from", help="CSV: well,field,y,x,phenotype[,annotator,plate].")],
    preview: Annotated[bool, typer.Option("--preview", help="Only tell what would happen.")] = False,
    project: Project = None,
    pattern: Pattern = "",
    as_json: AsJson = False,
) -> None:
    """Read annotations and tell how many found a cell."""
    with at_work(plate, project, pattern) as (session, plates, progress):
        if preview:
            plan = label_files.plan_import(session, plates, source, progress)
            said = [*plan_sentences(plan), *(f"  {kind}: {text}" for kind, text in plan_details(plan)[:20])]
            facts = {**plan.outcome.__dict__, "new_classes": plan.new_classes, "changed": plan.changed}
            show(as_json, facts, "\n".join(said))
            return
        done = label_files.import_annotations(session, plates, source, progress)
        share = done.found / max(done.rows, 1)
        text = f"{done.found} of {done.rows} annotations found a cell ({share:.1%}); {done.lost} did not and are kept"
        if done.waiting:
            text += f"; {done.waiting} wait until their field is segmented"
        if done.contested:
            text += f"; {done.contested} share a cell with another class and are not trained on"
        say("\n".join(done.outside[:20]))
        counts = labelling.counts(session)
        show(as_json, {**done.__dict__, "outside": list(done.outside), "classes": counts}, text)


def labels(
    plate: PlatePath,
    lost: Annotated[bool, typer.Option("--lost", help="Only those that hit no cell of today's masks.")] = False,
    contested: Annotated[bool, typer.Option("--contested", help="Only cells that two classes claim.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Take the lost labels away.")] = False,
    newest: Annotated[bool, typer.Option("--newest", help="In contested cells, let the newest label win.")] = False,
    out: Out = None,
    project: Project = None,
    pattern: Pattern = "",
    as_json: AsJson = False,
) -> None:
    """List labels that are lost or contested in today's masks; settle them if told to."""
    if (drop and contested and not lost) or (newest and lost and not contested):
        raise SettingError("That settles what is not listed.", "--drop is for lost labels, --newest for contested.")
    with at_work(plate, project, pattern, write=drop or newest) as (session, _, progress):
        found = astray.check_labels(session, None, progress).strays
        kinds = {astray.LOST: lost, astray.CONTESTED: contested}
        strays = [stray for stray in found if kinds[stray.kind] or not (lost or contested)]
        table = astray.stray_rows(strays)
        if out is not None or as_json:
            show_table(table, out, as_json)
        else:
            show(False, None, lambda: strays_text(strays, len(session.annotations)))
        if drop:
            say(f"{astray.drop(session, strays)} lost labels dropped")
        if newest:
            say(f"{astray.settle_by_newest(session, strays)} labels of contested cells dropped, older than another")
