"""The command that tells how a plate was lit: `phenotyper illumination`."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import typer

from napari_phenotyper.console import at_work, show
from napari_phenotyper.options import AsJson, ClusterAddress, Jobs, Pattern, PlatePath, Project
from napari_phenotyper.pages import words
from napari_phenotyper.session.illumination import choose_light

_JOBS = min(os.cpu_count() or 1, 8)


def illumination(
    plate: PlatePath,
    mode: Annotated[
        Literal["auto", "on", "off"] | None,
        typer.Option(help="auto: correct where it helps; on: always; off: never. What was chosen before, else auto."),
    ] = None,
    project: Project = None,
    pattern: Pattern = "",
    jobs: Jobs = _JOBS,
    cluster: ClusterAddress = "",
    as_json: AsJson = False,
) -> None:
    """Estimate how evenly the fields were lit, and say whether features are measured without it."""
    with at_work(plate, project, pattern, jobs=jobs, cluster=cluster) as (session, plates, progress):
        found = choose_light(session, plates, progress, mode)
        facts = {name: words.light_facts(one) for name, one in found.items()}
        lines = [f"Plate {name}: {text}" for name, one in found.items() for text in words.light_text(one)]
        show(as_json, facts, "\n".join(lines))
