"""How good the classifier is: confusion matrix, precision and recall, reliability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_phenotyper.pages.content import ClassScore, Estimate, Reliability
from napari_phenotyper.pages.style import INK, PAPER, QUIET, RULE, add_legend, bare, ink_on, new_figure, plain, shorten

_SHADES = ["#ffffff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"]


def confusion_matrix(
    counts: NDArray[np.integer], classes: Sequence[str], plate: str, *, simulated: bool = False
) -> Figure:
    """Return the confusion matrix: cells in figures, colour by the share of the true class (row).

    Parameters
    ----------
    counts
        (K, K) cells; rows are what the annotator said, columns what the classifier says.
    classes
        K names.
    plate
        For the title.
    """
    k = len(classes)
    cell = 0.5 if k <= 8 else 0.42
    figure = new_figure(
        max(2.6 + cell * k, 4.6), max(2.0 + cell * k, 3.2), "What is taken for what", plate, simulated=simulated
    )
    axes = figure.add_subplot()
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros(counts.shape), where=total > 0)
    shades = LinearSegmentedColormap.from_list("shares", _SHADES)
    picture = axes.imshow(share * 100, cmap=shades, vmin=0, vmax=100, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ink = ink_on(shades(share[row, column]))
            axes.text(column, row, f"{count}", ha="center", va="center", fontsize=9 if k <= 8 else 7, color=ink)
    names = [plain(shorten(name, 22)) for name in classes]
    axes.set_xticks(range(k), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(k), names)
    axes.tick_params(labelsize=9 if k <= 8 else 8, colors=INK, length=0)
    axes.spines[:].set_color(RULE)
    axes.set_xlabel("classifier says", fontsize=9, color=QUIET)
    axes.set_ylabel("annotator said", fontsize=9, color=QUIET)
    bar = figure.colorbar(picture, ax=axes, fraction=0.04, pad=0.02)
    bar.ax.tick_params(labelsize=8, colors=QUIET)
    bar.ax.set_title("% of row", fontsize=8, color=QUIET)
    bar.outline.set_visible(False)
    return figure


def class_scores(scores: Sequence[ClassScore], plate: str, *, simulated: bool = False) -> Figure:
    """Return precision and recall of each class as points with their intervals, where there are any."""
    figure = new_figure(
        6.4, 1.5 + 0.36 * max(len(scores), 1), "How well each class is found", plate, simulated=simulated
    )
    axes = figure.add_subplot()
    bare(axes)
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    looks = (("recall: share of the class that is found", "#0072B2", "o", -0.14),
             ("precision: share of what is called so that is right", "#D55E00", "D", 0.14))  # fmt: skip
    for i, (label, colour, marker, shift) in enumerate(looks):
        for row, score in enumerate(scores):
            estimate = score.recall if i == 0 else score.precision
            _point(axes, estimate, row + shift, colour, marker, label if row == 0 else None)
    names = [f"{plain(shorten(s.name, 26))} ({s.support})" for s in scores]
    axes.set_yticks(range(len(scores)), names, color=INK)
    axes.set_ylim(len(scores) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks(np.linspace(0, 1, 6), [f"{v} %" for v in range(0, 101, 20)])
    add_legend(figure, axes.get_legend_handles_labels()[0])
    return figure


def _point(axes: Any, estimate: Estimate, y: float, colour: str, marker: str, label: str | None) -> None:
    """Draw one estimate and, where it is known, its interval."""
    if not np.isfinite(estimate.value):
        return
    draw = axes.plot
    if np.isfinite(estimate.low) and np.isfinite(estimate.high):
        draw([estimate.low, estimate.high], [y, y], color=colour, linewidth=1.6, alpha=0.7)
    draw([estimate.value], [y], marker=marker, color=colour, markersize=5, linestyle="none", label=label)


def reliability_diagram(reliability: Reliability, plate: str, *, simulated: bool = False) -> Figure:
    """Return how often the classifier is right, against how sure it is.

    On the diagonal its probabilities mean what they say; below it, it is surer than it should be.
    """
    figure = new_figure(4.8, 5.0, "How much its probabilities are worth", plate, simulated=simulated)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    for axes in (upper, lower):
        bare(axes)
    known = reliability.cells > 0
    upper.plot([0, 1], [0, 1], color=RULE, linewidth=1.2, zorder=0)
    upper.plot(
        reliability.confidence[known],
        reliability.accuracy[known],
        color="#0072B2",
        marker="o",
        markersize=5,
        clip_on=False,
    )
    upper.set_xlim(0, 1.03)
    upper.set_ylim(0, 1)
    upper.set_ylabel("share that is right", fontsize=9, color=QUIET)
    if np.isfinite(reliability.error):
        note = f"expected calibration error {reliability.error:.3f}"
        upper.text(0.03, 0.95, note, fontsize=8, color=INK, va="top")
    lower.bar(reliability.confidence[known], reliability.cells[known], width=0.05, color="#8aa4bf", edgecolor=PAPER)
    lower.set_ylabel("cells", fontsize=9, color=QUIET)
    lower.set_xlabel("probability the classifier gives its answer", fontsize=9, color=QUIET)
    return figure
