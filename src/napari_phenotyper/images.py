"""Commands on folders of images that are no plate: `phenotyper segment-images`, `score-masks`."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from napari_phenotyper.console import at_ease, read_settings, say, show
from napari_phenotyper.options import AsJson, Jobs, More, Settings
from napari_phenotyper.pages import masks as words
from napari_phenotyper.session.image_folders import ImageFolder
from napari_phenotyper.session.image_folders import segment_images as segment
from napari_phenotyper.session.mask_scoring import score_files
from napari_phenotyper.session.opened import make_runner
from napari_phenotyper.session.segmenting import DEFAULT_SEGMENTER

_JOBS = min(os.cpu_count() or 1, 8)


def segment_images(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of TIFF, PNG or JPEG images of one plane.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Another folder, for a label TIFF of the same name each.")],
    segmenter: Annotated[str, typer.Option(help="Which segmenter; `phenotyper list` names them.")] = DEFAULT_SEGMENTER,
    settings: Settings = None,
    more: More = None,
    together: Annotated[
        bool, typer.Option("--together", help="All images are alike: decide what is left open once, for all of them.")
    ] = False,
    pixel_size: Annotated[float | None, typer.Option(min=1e-3, max=1e3, help="µm per pixel.")] = None,
    jobs: Jobs = _JOBS,
    as_json: AsJson = False,
) -> None:
    """Segment a folder of images that are no plate, grey or coloured."""
    source, chosen = ImageFolder(folder, out, pixel_size, together), read_settings(settings, more)
    with at_ease() as progress, closing(make_runner(jobs)) as runner:
        done = segment(source, progress, segmenter, chosen, runner)
    say(words.unsegmented_text(done.failed))
    report = done.report()
    show(as_json, report, f"Segmented {report['images']} images, {report['cells']} cells, into {out}")
    if done.failed and not done.files:
        raise typer.Exit(1)


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
