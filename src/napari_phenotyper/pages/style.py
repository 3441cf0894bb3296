"""What every figure shares: size, title, colours, the mark of simulated data, and how it becomes a file or a data URI.

Figures are made through matplotlib's objects, never through pyplot: nothing is global, nothing needs a display, and a
figure can be made in any thread and shown in a Qt canvas.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text
from numpy.typing import NDArray

from napari_phenotyper.core.annotations import Phenotype, next_phenotype

INK, QUIET, RULE, PAPER = "#1b1f24", "#59636e", "#d0d7de", "#ffffff"
SIMULATED = "#b35900"
ROLE_EDGES = {"negative": ("#0b57d0", "-"), "positive": ("#c2185b", "--"), "empty": ("#59636e", ":")}
"""Role of a well to the colour and dash of its border; samples have none."""

_OTHER_SCRIPTS = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "PingFang SC",
    "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS",
)  # fmt: skip
"""Fonts for Chinese, Japanese and Korean names on Linux, Windows and macOS."""


def new_figure(width: float, height: float, title: str, plate: str, *, simulated: bool = False) -> Figure:
    """Return an empty figure (inches) whose title names the plate, and says so where the data is simulated."""
    figure = Figure(figsize=(width, height), dpi=144, layout="constrained", facecolor=PAPER)
    # about ten letters of the title's size fit into an inch; a long plate name gives way
    room = max(int(width * 10) - len(title) - 3, 12)
    named = " · ".join(part for part in (shorten(plate, room), title) if part)
    figure.suptitle(plain(named), fontsize=11, color=INK, x=0.01, ha="left", fontweight="bold")
    if simulated:
        # a line of its own under the figure, so that it never lies over a long title
        figure.supxlabel("Simulated data", fontsize=8, color=SIMULATED, x=0.99, ha="right", fontweight="bold")
    return figure


def plain(text: str) -> str:
    """Return text as matplotlib shall draw it: a dollar in a compound's name starts no formula."""
    return text.replace("$", r"\$")


UNLIKE = " ≠ "
"""Between the class that a cell was given and the one that is predicted."""


def shorten(text: str, length: int) -> str:
    """Return text of at most `length` characters, an ellipsis in place of its middle."""
    if len(text) <= length:
        return text
    head = (length - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}"


def legend_rows(names: Sequence[str], width: float) -> tuple[int, int]:
    """Return (rows, columns) of a legend of these names under a figure of `width` inches, so that none is cut."""
    widest = max((len(name) for name in names), default=1) * 0.065 + 0.5
    columns = max(1, min(len(names), int((width - 0.3) / widest)))
    return -(-len(names) // columns), columns


def add_legend(figure: Figure, handles: Sequence[Any]) -> None:
    """Put a legend under a figure; nothing for no handles."""
    if handles:
        _, columns = legend_rows([str(handle.get_label()) for handle in handles], figure.get_figwidth())
        figure.legend(
            handles=list(handles), loc="outside lower left", ncols=columns, frameon=False, fontsize=8, labelcolor=INK
        )


def bare(axes: Any) -> None:
    """Take away what carries no data: the frame above and right; draw the rest quietly."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(RULE)
    axes.tick_params(colors=QUIET, labelsize=8, length=3)
    axes.set_axisbelow(True)


def colours_of(classes: Sequence[str], phenotypes: Sequence[Phenotype] = ()) -> Mapping[str, str]:
    """Return a colour (#rrggbb) for each class: that of the class set, else the next one nobody has."""
    known = list(phenotypes)
    for name in classes:
        if name not in {p.name for p in known}:
            known.append(next_phenotype(name, known))
    by_name = {p.name: p.colour for p in known}
    return {name: by_name[name] for name in classes}


def ink_on(colour: Sequence[float]) -> str:
    """Return black or white, whichever reads better on an (r, g, b, …) colour of 0 … 1 (WCAG relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#ffffff"


def composite(image: NDArray[np.generic], limits: Sequence[tuple[float, float]] | None = None) -> NDArray[np.float32]:
    """Return (…, y, x, 3) float32 of 0 … 1 from (…, c, y, x) pixels.

    One channel is shown grey; of several, the first is blue, then green, magenta, orange and grey, added up as in a
    fluorescence overlay. `limits` are black and white per channel, by default the 1st and 99.8th percentile. Grey
    values follow a gamma of 0.75, so that dim and bright cells show side by side.
    """
    channels = image.shape[-3]
    tints = np.array([[0.40, 0.55, 1.0], [0.1, 0.75, 0.2], [0.9, 0.1, 0.8], [1.0, 0.55, 0.0], [0.5, 0.5, 0.5]])
    picture = np.zeros((*image.shape[:-3], *image.shape[-2:], 3), np.float32)
    for c in range(channels):
        plane = np.nan_to_num(image[..., c, :, :].astype(np.float32))
        low, high = limits[c] if limits else contrast(plane)
        grey = np.clip((plane - low) / max(high - low, 1e-9), 0, 1) ** 0.75
        picture += grey[..., None] * (tints[c % len(tints)] if channels > 1 else np.ones(3))
    return np.clip(picture, 0, 1).astype(np.float32)


def contrast(plane: NDArray[np.generic]) -> tuple[float, float]:
    """Return the pixel values to show as black and white: 1st and 99.8th percentile; (0, 1) for no pixels."""
    if not plane.size:
        return 0.0, 1.0
    low, high = np.percentile(plane.astype(np.float32), [1, 99.8])
    return float(low), float(high)


def scale_bar(axes: Any, pixel_size: float | None, width: float, height: float) -> None:
    """Draw a round number of µm, about a fifth of the picture, into its lower right; nothing without a pixel size.

    Parameters
    ----------
    axes
        That show a picture in pixels.
    pixel_size
        µm per pixel.
    width, height
        Of the picture in pixels.
    """
    if not pixel_size or pixel_size <= 0:
        return
    wanted = width * pixel_size / 5
    step = 10.0 ** np.floor(np.log10(wanted))
    length = max(m * step for m in (1, 2, 5) if m * step <= wanted)
    right, y = width * 0.97, height * 0.95
    axes.plot([right - length / pixel_size, right], [y, y], color="white", linewidth=2.5, solid_capstyle="butt")
    middle = right - length / pixel_size / 2
    axes.text(middle, y - height * 0.015, f"{length:g} µm", color="white", fontsize=8, ha="center", va="bottom")


def _read_any_script(figure: Figure) -> None:
    """Let every text fall back on fonts of this machine for letters that matplotlib's own font lacks."""
    installed = set(fontManager.get_font_names())
    families = ["DejaVu Sans", *(name for name in _OTHER_SCRIPTS if name in installed)]
    for text in figure.findobj(Text):
        text.set_fontfamily(families)


def to_png(figure: Figure, dpi: int = 144) -> bytes:
    """Return a figure as a PNG file."""
    _read_any_script(figure)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_figure(buffer, format="png", dpi=dpi, facecolor=figure.get_facecolor())
    return buffer.getvalue()


def to_svg(figure: Figure) -> bytes:
    """Return a figure as an SVG file. Text becomes outlines, so that it looks alike where the font is missing."""
    _read_any_script(figure)
    buffer = io.BytesIO()
    canvas = FigureCanvasSVG(figure)
    canvas.print_figure(buffer, format="svg", facecolor=figure.get_facecolor(), metadata={"Date": None})
    return buffer.getvalue()


def data_uri(content: bytes) -> str:
    """Return a PNG, JPEG or SVG file as a data URI for an HTML page."""
    kinds = {b"\x89PNG": "image/png", b"\xff\xd8": "image/jpeg"}
    kind = next((kind for start, kind in kinds.items() if content.startswith(start)), "image/svg+xml")
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
