"""Commands on kept models: list them, and move them from project to project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_phenotyper.console import at_work, say, show
from napari_phenotyper.options import AsJson, Pattern, PlatePath, Project
from napari_phenotyper.session import moving

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.command("list")
def list_(plate: PlatePath, project: Project = None, pattern: Pattern = "", as_json: AsJson = False) -> None:
    """List the kept models with their cards."""
    with at_work(plate, project, pattern, write=False) as (session, _, __):
        cards = moving.models(session)
        lines = [f"{'*' if card['in_use'] else ' '} {card['id']}  {card.get('about', '')}" for card in cards]
        show(as_json, cards, "\n".join(lines) or "There is no model: phenotyper train PLATE.")


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
