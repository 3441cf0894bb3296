"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PlatePath = Annotated[Path, typer.Argument(metavar="PLATE", help="A plate, a folder of plates, or a project folder.")]
Project = Annotated[Path | None, typer.Option("--project", help="Project folder; X.phenotyper beside the plate.")]
Pattern = Annotated[str, typer.Option(help="How files are named: '{plate}_{well}_s{field}_{channel}.tif'.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Jobs = Annotated[int, typer.Option(min=1, help="Worker processes.")]
ClusterAddress = Annotated[str, typer.Option("--cluster", help="Address of a Dask scheduler to run on.")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE …", help="Parameters.")]
More = Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE", hidden=True)]
"""What follows the first NAME=VALUE of --set."""
Classifier = Annotated[str, typer.Option(help="Which classifier; `phenotyper list` names them.")]
ModelId = Annotated[str | None, typer.Option("--model", help="Which model (the first letters do); the newest.")]
LeaveOut = Annotated[
    str,
    typer.Option(
        help="Fields to leave out: empty, out-of-focus, saturated, crowded (with commas), or all; '' for none."
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="Write to this file.")]
Group = Annotated[str, typer.Option(help="Never split between folds: well, plate, treatment, a column.")]
Folds = Annotated[int, typer.Option(min=2, help="How many parts.")]
