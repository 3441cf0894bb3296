"""Commands that write figures as files: `phenotyper figures`, `gallery`."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from napari_phenotyper.console import at_work, say, show
from napari_phenotyper.core.errors import PhenotyperError, SettingError
from napari_phenotyper.options import AsJson, ModelId, Pattern, PlatePath, Project


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


class Order(StrEnum):
    """Which cells come first."""

    uncertainty = "uncertainty"
    probability = "probability"
    random = "random"
    position = "position"
    feature = "feature"


def gallery(
    plate: PlatePath,
    out: Annotated[Path, typer.Option(help="PNG, SVG or CSV file.")],
    predicted: Annotated[str, typer.Option(help="Only cells predicted to be of this class.")] = "",
    annotated_as: Annotated[str, typer.Option(help="Only cells that were given this class.")] = "",
    well: Annotated[list[str] | None, typer.Option(help="Only these wells; once for each.")] = None,
    treatment: Annotated[list[str] | None, typer.Option(help="Only these treatments; once for each.")] = None,
    sort: Annotated[Order, typer.Option(help="Doubtful, sure, any, plate by plate, or by a feature first.")] = (
        Order.probability
    ),
    by: Annotated[str, typer.Option(help="Class or feature to sort by.")] = "",
    ascending: Annotated[bool, typer.Option("--ascending", help="The lowest value first.")] = False,
    count: Annotated[int, typer.Option(min=1, max=600, help="How many cells at most.")] = 48,
    model: ModelId = None,
    project: Project = None,
    pattern: Pattern = "",
) -> None:
    """Write cells that are chosen as a figure with a scale bar, as the gallery of the window does."""
    from napari_phenotyper.core.wells import normal_well
    from napari_phenotyper.pages.gallery_page import gallery_page
    from napari_phenotyper.pages.plots import save_plot
    from napari_phenotyper.session.choosing import CellQuery
    from napari_phenotyper.session.learning import model_in_use

    if sort == Order.feature and not by:
        raise SettingError("Which feature?", "Name it: --by NAME; `phenotyper export --what cells` lists them.")
    with at_work(plate, project, pattern, write=False) as (session, plates, progress):
        try:
            model_id = model_in_use(session, model)
        except PhenotyperError:
            if model or predicted:
                raise
            model_id = ""
        named = [f"predicted {predicted}"] * bool(predicted) + [f"annotated {annotated_as}"] * bool(annotated_as)
        query = CellQuery(
            predicted=predicted, annotated_as=annotated_as, wells=tuple(map(normal_well, well or ())),
            treatments=tuple(treatment or ()), model=model_id, sort=sort.value, by=by, limit=count,
            descending=not ascending and sort not in (Order.random, Order.position),
            title=", ".join([*named, *(treatment or ()), *(well or ())]),
        )  # fmt: skip
        saved = save_plot(gallery_page(session, plates, query, progress), out)
        print(f"Cells written to {saved}")
