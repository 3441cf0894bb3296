"""Commands on folders of images that are no plate: `phenotyper segment-images`, `score-masks`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_phenotyper.console import at_ease, say, show
from napari_phenotyper.options import AsJson
from napari_phenotyper.pages import masks as words
from napari_phenotyper.session.mask_scoring import score_files


def score_masks(
    predicted: Annotated[Path, typer.Argument(metavar="PRED", help="A folder of label images (TIFF, PNG), or one.")],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="The true ones; files of the same names.")],
    as_json: AsJson = False,
) -> None:
    """Tell how well masks agree with true ones: pooled F1 and AP at IoU 0.5 … 0.95, splits, merges."""
    with at_ease() as progress:
        found = score_files(predicted, truth, progress)
    say(words.unscored_text(found))
    show(as_json, found, lambda: words.scores_text(found))
