"""How plates were lit: a picture of each channel's gain, and what was decided, for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_phenotyper.core.illumination import VERSION
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.pages.content import LightPart, ReportContent, Step
from napari_phenotyper.pages.html import bullets, picture
from napari_phenotyper.pages.sections import Section
from napari_phenotyper.pages.style import INK, new_figure, plain, shorten, to_png
from napari_phenotyper.pages.words import light_text
from napari_phenotyper.session.illumination import illumination_of
from napari_phenotyper.session.reading import Reading

_MOST = 4
"""Channels side by side in a figure."""
_DRAWN = 128
"""Pixels along the longer side of a gain's picture."""


def light_part(session: Reading, plate: Plate) -> LightPart | None:
    """Return how a plate was lit, None where nobody looked."""
    found = illumination_of(session, plate.name)
    if not found.channels:
        return None
    labels = {channel.name: channel.label for channel in plate.channels}
    sentences = light_text(found, lambda name: labels.get(name, name))
    gains = {}
    for name, one in found.channels.items():
        if one.flat is not None:
            height, width = one.flat.shape
            times = _DRAWN / max(height, width)
            size = max(1, round(height * times)), max(1, round(width * times))
            gains[labels.get(name, name)] = one.flat.gain_image(size)
    return LightPart(plate.name, tuple(sentences), gains)


def light_step(session: Reading, plate: Plate) -> list[Step]:
    """Return the line of the provenance that tells which light was taken out of a plate, none if none was."""
    found = illumination_of(session, plate.name)
    settings = {"mode": found.mode, "channels": list(found.flats)}
    return [Step(f"illumination {plate.name}", "flat field", VERSION, settings, found.key)] if found.flats else []


def light_methods(session: Reading, plates: Sequence[Plate]) -> list[str]:
    """Return what a paper says of the light that was taken out, nothing if none was."""
    names = sorted({name for plate in plates for name in illumination_of(session, plate.name).flats})
    if not names:
        return []
    return [
        f"Before measuring, uneven illumination was taken out of {'channel' if len(names) == 1 else 'channels'} "
        f"{', '.join(names)}: what lies above the background, which was itself made even, was divided by a smooth "
        "surface fitted robustly to the brightness of objects in a sample of the plate's fields."
    ]


def illumination(content: ReportContent) -> Section:
    """Show how evenly the fields were lit, and whether they were measured without that."""
    body = []
    for part in content.lights:
        body.append(bullets(part.sentences))
        if part.gains:
            figure = light_figure(part.gains, part.plate, simulated=content.simulated)
            body.append(picture(to_png(figure), f"{part.plate}: light at each place of a field, the mean is 1."))
    return Section("illumination", "Illumination", "".join(body))


def light_figure(gains: Mapping[str, NDArray[np.float32]], plate: str, *, simulated: bool = False) -> Figure:
    """Return pictures of (y, x) gains, at most four, all on one scale of grey, with their lines of equal light.

    Parameters
    ----------
    gains
        Channel to its gain, of mean 1.
    plate, simulated
        What the title says.
    """
    shown = dict(list(gains.items())[:_MOST])
    height, width = next(iter(shown.values())).shape
    figure = new_figure(2.3 * len(shown) + 1.1, 2.3 * height / width + 0.8, "illumination", plate, simulated=simulated)
    low, high = (float(pick([pick(gain) for gain in shown.values()])) for pick in (np.min, np.max))
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, (name, gain) in zip(panels, shown.items(), strict=True):
        drawn = axes.imshow(gain, cmap="gray", vmin=low, vmax=max(high, low + 0.01))
        if np.ptp(gain) > 0.02:
            lines = axes.contour(gain, levels=5, colors="#0b84d8", linewidths=0.8)
            axes.clabel(lines, fontsize=6, fmt="%.2f")
        axes.set_title(plain(f"{shorten(name, 18)}: {gain.min():.2f} to {gain.max():.2f}"), fontsize=8, color=INK)
        axes.set_xticks([])
        axes.set_yticks([])
    figure.colorbar(drawn, ax=list(panels), shrink=0.8).ax.tick_params(labelsize=7)
    return figure
