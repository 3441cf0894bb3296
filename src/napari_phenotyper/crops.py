"""Commands on crops from elsewhere: a folder per class with a picture per cell."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from napari_phenotyper.console import at_ease, at_work, read_settings, say, show
from napari_phenotyper.options import AsJson, Classifier, More, Settings
from napari_phenotyper.pages import words
from napari_phenotyper.session import crop_learning
from napari_phenotyper.session.crop_folders import CropFolder
from napari_phenotyper.session.exporting import write_table
from napari_phenotyper.session.learning import DEFAULT_CLASSIFIER
from napari_phenotyper.session.opened import make_runner

_JOBS = min(os.cpu_count() or 1, 8)

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, rich_markup_mode=None)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder with a folder of PNG or TIFF files per class.")]
GroupFrom = Annotated[
    str, typer.Option(metavar="FILE:COLUMN", help="What is never split between folds; FILE (in DIR) has a column file.")
]
FoldFrom = Annotated[str, typer.Option(metavar="FILE:COLUMN", help="The folds themselves.")]
Channels = Annotated[str, typer.Option(help="What the channels show, in order: DNA,tubulin,actin.")]
PixelSize = Annotated[float | None, typer.Option(min=1e-3, max=1e3, help="µm per pixel of the crops.")]
Seed = Annotated[int, typer.Option(min=0, help="For all that is random.")]
Jobs = Annotated[int, typer.Option(min=1, help="Worker processes that measure.")]


@app.command()
def evaluate(
    folder: Folder,
    classifier: Classifier = DEFAULT_CLASSIFIER,
    settings: Settings = None,
    more: More = None,
    group_from: GroupFrom = "",
    fold_from: FoldFrom = "",
    folds: Annotated[int, typer.Option(min=2, help="How many parts.")] = 5,
    channels: Channels = "",
    pixel_size: PixelSize = None,
    seed: Seed = 0,
    jobs: Jobs = _JOBS,
    as_json: AsJson = False,
) -> None:
    """Tell how well a classifier does on crops that it was not trained on."""
    source = CropFolder(folder, group_from, fold_from, _names(channels), pixel_size)
    with at_ease() as progress, closing(make_runner(jobs)) as runner:
        report = crop_learning.evaluate(
            source, progress, classifier, read_settings(settings, more), folds, seed, runner
        )
    show(as_json, report, lambda: words.evaluation_text(report))


@app.command()
def train(
    folder: Folder,
    out: Annotated[Path, typer.Option(metavar="MODEL", help="File to write the model to.")],
    classifier: Classifier = DEFAULT_CLASSIFIER,
    settings: Settings = None,
    more: More = None,
    group_from: GroupFrom = "",
    fold_from: FoldFrom = "",
    scores: Annotated[
        bool, typer.Option("--scores", help="Cross-validate too, for the card; 5 times as long.")
    ] = False,
    channels: Channels = "",
    pixel_size: PixelSize = None,
    seed: Seed = 0,
    jobs: Jobs = _JOBS,
    as_json: AsJson = False,
) -> None:
    """Train on all crops and write the model to a file."""
    source = CropFolder(folder, group_from, fold_from, _names(channels), pixel_size)
    chosen = read_settings(settings, more)
    with at_ease() as progress, closing(make_runner(jobs)) as runner:
        card = crop_learning.train(source, progress, classifier, out, chosen, scores, seed, runner)
    say("\n".join(f"note: {text}" for text in cast("list[str]", card["notes"])))
    show(as_json, {"model": card["id"], "file": str(out), "card": card}, f"Model {card['id']} written to {out}")


@app.command()
def test(
    folder: Folder,
    model: Annotated[Path, typer.Option(metavar="MODEL", help="File that a model was written to.")],
    group_from: GroupFrom = "",
    channels: Channels = "",
    pixel_size: PixelSize = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write a row per crop to this CSV file.")] = None,
    jobs: Jobs = _JOBS,
    as_json: AsJson = False,
) -> None:
    """Tell how well a trained model does on crops."""
    source = CropFolder(folder, group_from, "", _names(channels), pixel_size)
    with at_ease() as progress, closing(make_runner(jobs)) as runner:
        report, rows = crop_learning.tested(source, progress, model, runner)
    if out is not None:
        write_table(out, list(rows[0]), rows)
    show(as_json, report, lambda: f"{report['model']} on {report['n']} crops\n" + _scores(report))


@app.command("import")
def import_(
    folder: Folder,
    plate: Annotated[Path, typer.Argument(metavar="PLATE", help="A plate, or a project folder.")],
    group_from: GroupFrom = "",
    name: Annotated[str, typer.Option(help="What the crops are called in the project; the folder's name.")] = "",
    channels: Channels = "",
    pixel_size: PixelSize = None,
    project: Annotated[Path | None, typer.Option("--project", help="Project folder; beside the plate.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train on crops together with the annotated cells of a project, from now on."""
    from napari_phenotyper.session.imported import import_crops

    source = CropFolder(folder, group_from, "", _names(channels), pixel_size)
    with at_work(plate, project) as (session, _, progress):
        done = import_crops(session, source, progress, name)
        for text in done["warnings"]:
            say(f"note: {text}")
        counts = ", ".join(f"{kind} {count}" for kind, count in done["classes"].items())
        show(as_json, done, f"Crops {done['name']} are trained on from now on: {counts}")


def _scores(report: Mapping[str, Any]) -> str:
    """Return an evaluation as text without its first line, which tells of folds."""
    return words.evaluation_text(report).partition("\n")[2]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
