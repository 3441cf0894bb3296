"""The command that writes figures as files: `phenotyper figures`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from napari_phenotyper.console import at_work, say, show
from napari_phenotyper.options import AsJson, Pattern, PlatePath, Project


def figures(
    plate: PlatePath,
    out: Annotated[Path, typer.Option(help="Folder; each figure becomes NAME.png, NAME.svg and NAME.csv.")],
    only: Annotated[str, typer.Option(help="Only these kinds, separated by commas; `all` for every one.")] = "all",
    project: Project = None,
    pattern: Pattern = "",
    as_json: AsJson = False,
) -> None:
    """Write every figure of the report as PNG and SVG, and its numbers as CSV."""
    from napari_phenotyper.pages.compose import compose
    from napari_phenotyper.pages.figure_set import plots_of
    from napari_phenotyper.pages.plots import save_everywhere

    with at_work(plate, project, pattern, write=False) as (session, plates, progress):
        names = [] if only == "all" else [name.strip() for name in only.split(",") if name.strip()]
        written: dict[str, list[str]] = {}
        for plot in plots_of(compose(session, plates, progress), names):
            progress(1.0, f"Drawing {plot.title}")
            while plot.name.casefold() in map(str.casefold, written):  # a disk may not tell upper from lower case
                plot = replace(plot, name=f"{plot.name}-2")
            written[plot.name] = [str(path) for path in save_everywhere(plot, out)]
        if not written:
            say("There is nothing to draw yet: train and predict first.")
        lines = [f"{len(written)} figures, each as PNG, SVG and CSV, in {out}:", *(f"  {name}" for name in written)]
        show(as_json, written, "\n".join(lines) if written else "")
