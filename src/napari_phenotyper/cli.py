"""The same way without a window: `phenotyper COMMAND PLATE`.

Results go to stdout, progress to stderr. Exit 0: done; 1: failed; 2: misuse. Fields that
fail are named on stderr and do not stop the plate; a command fails only if nothing came of it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from napari_phenotyper import crops, figures, images, judge, labels, launch, lit, models, train_segmenter
from napari_phenotyper.console import at_work, fail, read_settings, say, show, show_table, tell_outcome
from napari_phenotyper.core.errors import ExtensionError, PhenotyperError, SettingError
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.evaluation.field_quality import UNUSABLE
from napari_phenotyper.options import (
    AsJson,
    Classifier,
    ClusterAddress,
    Jobs,
    LeaveOut,
    ModelId,
    More,
    Out,
    Pattern,
    PlatePath,
    Project,
    Settings,
)
from napari_phenotyper.pages import words
from napari_phenotyper.session import learning, measuring, moving, profiling, segmenting
from napari_phenotyper.session.opened import opened, project_folder
from napari_phenotyper.session.opening import find_plates
from napari_phenotyper.session.quality import flagged_facts, flags_of, left_out

app = typer.Typer(
    help=__doc__, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)

app.command("open")(launch.open_plate)
app.command()(launch.demo)
app.command(hidden=True)(launch.tour)
app.command("learning-curve")(judge.learning_curve)
app.command()(judge.compare)
app.command()(lit.illumination)
app.command()(judge.suspects)
app.command()(judge.provenance)
app.command("labels")(labels.labels)
app.command("figures")(figures.figures)
app.command("gallery")(figures.gallery)
app.command("segment-images")(images.segment_images)
app.command("score-masks")(images.score_masks)
app.command("train-segmenter")(train_segmenter.train_segmenter)
app.add_typer(crops.app, name="crops")
app.add_typer(models.app, name="models")


_JOBS = min(os.cpu_count() or 1, 8)
_UNUSABLE = ",".join(UNUSABLE)


@app.command()
def info(plate: PlatePath, project: Project = None, pattern: Pattern = "", as_json: AsJson = False) -> None:
    """Tell a plate's wells, fields, channels and roles, sizes, and problems found."""
    folder = project or project_folder(plate)
    if folder.exists():
        with opened(folder, create=False, read_only=True) as session:
            plates = session.open(plate, pattern)
            facts = [words.plate_facts(p, flagged_facts(flags_of(session, p))) for p in plates]
    else:
        facts = [words.plate_facts(p) for found in find_plates(plate, Registry(), pattern) for p in found.plates]
    show(as_json, facts[0] if len(facts) == 1 else facts, lambda: "\n".join(map(words.info_text, facts)))


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List readers, segmenters, extractors, classifiers, profilers and scorers with their parameters."""
    registry, lines = Registry(), []
    found: dict[str, dict[str, object]] = {}
    for kind in ("reader", "segmenter", "extractor", "classifier", "profiler", "scorer"):
        lines.append(f"{kind}s")
        found[kind] = {}
        for name in registry.ids(kind):
            try:
                extension = registry.get(kind, name)
            except ExtensionError as error:
                lines.append(f"  {name:<18} broken: {error}")
                continue
            lines.append(words.extension_text(name, extension.title, extension.parameters))
            parameters = {p.name: {"default": p.default, "kind": p.kind, "help": p.help} for p in extension.parameters}
            found[kind][name] = {"title": extension.title, "parameters": parameters}
    show(as_json, found, "\n".join(lines))


@app.command()
def channels(
    plate: PlatePath,
    settings: Settings = None,
    more: More = None,
    project: Project = None,
    pattern: Pattern = "",
    as_json: AsJson = False,
) -> None:
    """Say which channel shows what: --set DNA=NAME."""
    from napari_phenotyper.session.channels import set_roles

    roles = {role: str(name) for role, name in read_settings(settings, more).items()}
    if not roles:
        info(plate, project, pattern, as_json)
        return
    with at_work(plate, project, pattern) as (session, plates, _):
        facts = [words.plate_facts(p) for p in set_roles(session, plates, roles)]
        show(as_json, facts[0] if len(facts) == 1 else facts, lambda: "\n".join(map(words.info_text, facts)))


@app.command()
def segment(
    plate: PlatePath,
    segmenter: Annotated[str | None, typer.Option(help="Which segmenter.")] = None,
    settings: Settings = None,
    more: More = None,
    project: Project = None,
    pattern: Pattern = "",
    jobs: Jobs = _JOBS,
    cluster: ClusterAddress = "",
    as_json: AsJson = False,
) -> None:
    """Segment all fields that have no current masks."""
    with at_work(plate, project, pattern, jobs=jobs, cluster=cluster) as (session, plates, progress):
        outcome = segmenting.segment(session, plates, progress, segmenter, read_settings(settings, more))
        flagged = {name: given for p in plates for name, given in flagged_facts(flags_of(session, p)).items()}
        tell_outcome("Segmented", "fields", outcome, as_json, flagged)


@app.command()
def measure(
    plate: PlatePath,
    extractors: Annotated[
        str | None, typer.Option(help="Which, separated by commas, or all; else the usual ones.")
    ] = None,
    project: Project = None,
    pattern: Pattern = "",
    jobs: Jobs = _JOBS,
    cluster: ClusterAddress = "",
    as_json: AsJson = False,
) -> None:
    """Measure all wells whose features are not current."""
    chosen = [e.strip() for e in extractors.split(",") if e.strip()] if extractors is not None else None
    with at_work(plate, project, pattern, jobs=jobs, cluster=cluster) as (session, plates, progress):
        outcome = measuring.measure(session, plates, progress, chosen)
        say(words.lights_text(session, plates))
        tell_outcome("Measured", "wells", outcome, as_json)


@app.command()
def layout(
    plate: PlatePath,
    source: Annotated[Path, typer.Option("--from", help="CSV: well,treatment,role[,dose,replicate,batch].")],
    project: Project = None,
    pattern: Pattern = "",
    as_json: AsJson = False,
) -> None:
    """Read what was done to each well."""
    from napari_phenotyper.session.layouts import set_layout

    with at_work(plate, project, pattern) as (session, plates, _):
        found = set_layout(session, plates, source)
        facts = {
            name: {"wells": len(one), **{role: len(one.wells(role)) for role in ("negative", "positive", "sample")}}
            for name, one in found.items()
        }
        lines = [f"Plate {n}: {f['wells']} wells, {f['negative']} negative controls" for n, f in facts.items()]
        show(as_json, facts, "\n".join(lines))


app.command()(labels.annotate)


@app.command()
def evaluate(
    plate: PlatePath,
    classifier: Classifier = learning.DEFAULT_CLASSIFIER,
    settings: Settings = None,
    more: More = None,
    group: Annotated[str, typer.Option(help="Never split between folds: well, plate, treatment, a column.")] = "well",
    folds: Annotated[int, typer.Option(min=2, help="How many parts.")] = 5,
    project: Project = None,
    pattern: Pattern = "",
    as_json: AsJson = False,
) -> None:
    """Tell how well a classifier does on annotated cells that it was not trained on."""
    with at_work(plate, project, pattern, write=False) as (session, _, progress):
        report = learning.evaluate(session, progress, classifier, read_settings(settings, more), group, folds)
        show(as_json, report, lambda: words.evaluation_text(report))


@app.command()
def train(
    plate: PlatePath,
    classifier: Classifier = learning.DEFAULT_CLASSIFIER,
    settings: Settings = None,
    more: More = None,
    project: Project = None,
    pattern: Pattern = "",
    as_json: AsJson = False,
) -> None:
    """Train on all annotated cells and keep the model."""
    with at_work(plate, project, pattern) as (session, _, progress):
        model = learning.train(session, progress, classifier, read_settings(settings, more))
        card = session.project.models.card(model)
        say("\n".join(f"note: {text}" for text in card["notes"]))
        show(as_json, {"model": model, "card": card}, f"Kept model {model}: {', '.join(map(str, card['classes']))}")


@app.command()
def predict(
    plate: PlatePath,
    model: ModelId = None,
    project: Project = None,
    pattern: Pattern = "",
    jobs: Jobs = _JOBS,
    cluster: ClusterAddress = "",
    as_json: AsJson = False,
) -> None:
    """Predict the class of every cell with a kept model."""
    with at_work(plate, project, pattern, jobs=jobs, cluster=cluster) as (session, plates, progress):
        outcome = learning.predict(session, plates, progress, model)
        say("\n".join(f"note: {text}" for text in moving.fit(session, plates, model)))
        tell_outcome("Predicted", "wells", outcome, as_json)


@app.command()
def profile(
    plate: PlatePath,
    profiler: Annotated[str, typer.Option(help="Which profile.")] = profiling.DEFAULT_PROFILER,
    settings: Settings = None,
    more: More = None,
    model: ModelId = None,
    leave_out: LeaveOut = "",
    out: Out = None,
    project: Project = None,
    pattern: Pattern = "",
    as_json: AsJson = False,
) -> None:
    """Turn cells into one row per well."""
    with at_work(plate, project, pattern, write=False) as (session, plates, progress):
        chosen = read_settings(settings, more)
        found = profiling.profile(session, plates, progress, profiler, chosen, model, leave_out=leave_out.split(","))
        say(found.note)
        show_table(profiling.profile_rows(session, found), out, as_json)


@app.command()
def hits(
    plate: PlatePath,
    scorer: Annotated[str, typer.Option(help="Which score.")] = profiling.DEFAULT_SCORER,
    settings: Settings = None,
    more: More = None,
    column: Annotated[str | None, typer.Option(help="Class or feature; all classes.")] = None,
    profiler: Annotated[str | None, typer.Option(help="Which profile; the one that has the column.")] = None,
    model: ModelId = None,
    leave_out: LeaveOut = _UNUSABLE,
    out: Out = None,
    project: Project = None,
    pattern: Pattern = "",
    as_json: AsJson = False,
) -> None:
    """Rank wells by how far they are from the negative controls."""
    with at_work(plate, project, pattern, write=False) as (session, plates, progress):
        flags, chosen = leave_out.split(","), read_settings(settings, more)
        found = profiling.hits(session, plates, progress, scorer, chosen, column, profiler, model, flags)
        say(left_out(session, plates, flags).sentence)
        show_table(profiling.hit_rows(session, found), out, as_json)


@app.command()
def export(
    plate: PlatePath,
    what: Annotated[str, typer.Option(help="cells, annotations, predictions, masks, profiles, hits or mosaic.")],
    out: Annotated[Path, typer.Option(help="CSV or Parquet file; for masks a folder, or X.zarr; for a mosaic X.png.")],
    model: ModelId = None,
    column: Annotated[str, typer.Option(help="Colour the wells of a mosaic by a class or a feature.")] = "",
    project: Project = None,
    pattern: Pattern = "",
) -> None:
    """Write results for other programs."""
    from napari_phenotyper.pages.mosaic import write_mosaics
    from napari_phenotyper.session.exporting import export as write

    bare = what == "mosaic" and not (project or project_folder(plate)).exists()  # pixels are enough for it
    with at_work(plate, project, pattern, write=bare) as (session, plates, progress):
        if what == "mosaic":
            written = write_mosaics(session, plates, out, progress, column, model)
            print("\n".join(f"Mosaic written to {path}" for path in written))
            return
        count = write(session, plates, what, out, progress, model)
        print(f"{count} {'fields' if what == 'masks' else 'rows'} written to {out}")


@app.command()
def run(
    plate: PlatePath,
    layout: Annotated[Path | None, typer.Option(help="Layout CSV; layout.csv beside the images.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Annotations CSV; annotations.csv beside the images.")] = None,
    classifier: Classifier = learning.DEFAULT_CLASSIFIER,
    project: Project = None,
    pattern: Pattern = "",
    jobs: Jobs = _JOBS,
    cluster: ClusterAddress = "",
    as_json: AsJson = False,
) -> None:
    """Do all that the inputs allow, going on from where it stopped."""
    from napari_phenotyper.session.running import run as run_all

    with at_work(plate, project, pattern, jobs=jobs, cluster=cluster) as (session, plates, progress):
        ran = run_all(session, plates, progress, layout, labels, classifier)
        say(words.failures_text(ran.failed))
        show(as_json, ran.__dict__, "\n".join(ran.steps))


@app.command()
def report(
    plate: PlatePath,
    out: Annotated[Path, typer.Option(help="HTML file.")] = Path("report.html"),
    project: Project = None,
    pattern: Pattern = "",
) -> None:
    """Write one self-contained page: plate maps, cells of each class, confusion matrix, hits."""
    from napari_phenotyper.pages.compose import write_report

    with at_work(plate, project, pattern, write=False) as (session, plates, progress):
        write_report(session, plates, out, progress)
        print(f"Report written to {out}")


@app.command()
def clean(plate: PlatePath, project: Project = None, as_json: AsJson = False) -> None:
    """Drop results that no key needs."""
    from napari_phenotyper.session.cleaning import clean as sweep

    with at_work(plate, project) as (session, _, __):
        freed = sweep(session)
        show(as_json, {"bytes": freed}, f"Freed {freed / 1e6:.1f} MB")


def main() -> None:
    """Run a command; end with 0, 1 (failed), 2 (misuse) or 130 (stopped by the user)."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")  # Windows consoles default to a code page
    try:
        app()
    except (SettingError, ExtensionError) as error:
        fail(error, 2)
    except PhenotyperError as error:
        fail(error, 1)


if __name__ == "__main__":
    main()
