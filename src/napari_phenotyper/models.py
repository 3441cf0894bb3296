"""Commands on kept models: list, use and compare them, and move them from project to project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_phenotyper.console import at_work, say, show
from napari_phenotyper.options import AsJson, Jobs, Pattern, PlatePath, Project
from napari_phenotyper.pages import model_words
from napari_phenotyper.session import model_history, moving

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.command("list")
def list_(plate: PlatePath, project: Project = None, pattern: Pattern = "", as_json: AsJson = False) -> None:
    """List the kept models with their scores, the newest first; a star marks the one in use."""
    with at_work(plate, project, pattern, write=False) as (session, _, __):
        cards = model_history.models(session)
        show(as_json, cards, lambda: model_words.models_text(cards))


@app.command("use")
def use(
    plate: PlatePath,
    model: Annotated[str, typer.Argument(metavar="ID", help="Which; the first letters do.")],
    project: Project = None,
    pattern: Pattern = "",
    jobs: Jobs = 1,
    as_json: AsJson = False,
) -> None:
    """Go back to an earlier model: profiles and hits count its predictions from now on."""
    with at_work(plate, project, pattern, jobs=jobs) as (session, _, progress):
        used = model_history.use(session, progress, model)
        show(as_json, {"model": used}, f"{used} is the model in use")


@app.command("compare")
def compare(
    plate: PlatePath,
    first: Annotated[str, typer.Argument(metavar="A", help="A kept model; the first letters do.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    project: Project = None,
    pattern: Pattern = "",
    as_json: AsJson = False,
) -> None:
    """Tell how many cells two models call differently, and how they do on the same folds."""
    with at_work(plate, project, pattern, write=False) as (session, _, progress):
        found = model_history.compare_models(session, progress, first, other).report
        show(as_json, found, lambda: model_words.differences_text(found))


@app.command("export")
def export(
    plate: PlatePath,
    out: Annotated[Path, typer.Option(metavar="MODEL", help="File to write the model to.")],
    model: Annotated[str | None, typer.Option(help="Which (the first letters do); the one in use.")] = None,
    project: Project = None,
    pattern: Pattern = "",
) -> None:
    """Write a model to one file."""
    with at_work(plate, project, pattern, write=False) as (session, _, __):
        print(f"Model {moving.export_model(session, out, model)} written to {out}")


@app.command("import")
def import_(
    plate: PlatePath,
    file: Annotated[Path, typer.Argument(metavar="MODEL", help="File that a model was written to.")],
    project: Project = None,
    pattern: Pattern = "",
    as_json: AsJson = False,
) -> None:
    """Keep the model in a file and predict with it from now on."""
    with at_work(plate, project, pattern) as (session, _, __):
        model, notes = moving.import_model(session, file)
        for text in notes:
            say(f"note: {text}")
        show(as_json, {"model": model, "notes": list(notes)}, f"Kept model {model}; it is the one in use")
