"""The command that trains a segmenter: `phenotyper train-segmenter`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from napari_phenotyper.console import at_ease, say, show
from napari_phenotyper.options import AsJson
from napari_phenotyper.session.segmenter_training import EPOCHS, image_pairs
from napari_phenotyper.session.segmenter_training import train_segmenter as train


def train_segmenter(
    images: Annotated[Path, typer.Argument(metavar="IMAGES", help="A folder of images of nuclei.")],
    masks: Annotated[Path, typer.Argument(metavar="MASKS", help="A folder of label images of the same names.")],
    out: Annotated[Path, typer.Option(metavar="MODEL", help="File for the weights; ends in .safetensors.")],
    held_out: Annotated[
        Path | None, typer.Option("--held-out", metavar="FILE", help="Names of images to score on, a line each.")
    ] = None,
    card: Annotated[Path | None, typer.Option(metavar="FILE", help="JSON that goes into the card: licence …")] = None,
    epochs: Annotated[int, typer.Option(min=1, max=10_000, help="How long: passes of 800 crops.")] = EPOCHS,
    seed: Annotated[int, typer.Option(min=0, help="For all that is random.")] = 0,
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], typer.Option(help="Where it is trained.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Train the segmenter unet on images and masks; use it with --segmenter unet --set model=MODEL."""
    with at_ease() as progress:
        found = train(image_pairs(images, masks, held_out), out, progress, epochs, seed, device, card)
    for name, reason in found["failed"].items():
        say(f"not used: {name}: {reason}")
    data, scores = found["data"], found.get("scores")
    text = f"Trained on {data['nuclei']} nuclei of {data['images']} images; written to {out}"
    if scores:
        f1 = scores["f1"]
        text += f"\nOn {scores['images']} held out: F1 {f1['0.5']:.3f} at IoU 0.5, {f1['0.7']:.3f} at 0.7"
    show(as_json, found, text)
