"""Plots of how good a classifier is, with their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from napari_phenotyper.pages.content import EvaluationPart
from napari_phenotyper.pages.plots import Plot
from napari_phenotyper.pages.scores import class_scores, confusion_matrix, reliability_diagram
from napari_phenotyper.pages.style import QUIET, RULE, add_legend, bare, new_figure

CONFUSION, SCORES, RELIABILITY, CURVE = "confusion", "class-scores", "reliability", "learning-curve"


EVALUATED = {
    CONFUSION: "What is taken for what",
    SCORES: "How well each class is found",
    RELIABILITY: "How much its probabilities are worth",
}
"""The plots of an evaluation, and how they are called."""


def evaluation_plots(part: EvaluationPart, plate: str, simulated: bool = False) -> Iterator[Plot]:
    """Yield the plots of an evaluation: those for which it has numbers."""
    yield from (evaluation_plot(part, name, plate, simulated) for name in evaluated(part))


def evaluated(part: EvaluationPart) -> list[str]:
    """Return for which plots of `EVALUATED` an evaluation has numbers."""
    known = {
        CONFUSION: part.confusion.any(),
        SCORES: part.per_class,
        RELIABILITY: part.reliability is not None and (part.reliability.cells > 0).any(),
    }
    return [name for name in EVALUATED if known[name]]


def evaluation_plot(part: EvaluationPart, name: str, plate: str, simulated: bool = False) -> Plot:
    """Return a plot of `EVALUATED`; the evaluation must have its numbers."""
    title = EVALUATED[name]
    if name == CONFUSION:
        figure = confusion_matrix(part.confusion, part.classes, plate, simulated=simulated)
        rows: list[dict[str, object]] = [
            {"annotated": part.classes[i], "predicted": part.classes[j], "cells": int(n)}
            for (i, j), n in np.ndenumerate(part.confusion)
        ]
        return Plot(name, title, figure, (["annotated", "predicted", "cells"], rows))
    if name == SCORES:
        return Plot(name, title, class_scores(part.per_class, plate, simulated=simulated), _class_rows(part))
    bins = part.reliability
    assert bins is not None
    rows = [
        {"confidence": float(c), "right": float(r), "cells": int(n)}
        for c, r, n in zip(bins.confidence, bins.accuracy, bins.cells, strict=True)
    ]
    figure = reliability_diagram(bins, plate, simulated=simulated)
    return Plot(name, title, figure, (["confidence", "right", "cells"], rows))


def curve_plot(report: Mapping[str, Any], plate: str, simulated: bool = False) -> Plot:
    """Return the learning curve of a report of `session.judging`."""
    names = ("accuracy", "balanced_accuracy")
    columns = ["labels", *(f"{name}{end}" for name in names for end in ("", "_low", "_high"))]
    rows: list[dict[str, object]] = [
        {
            "labels": point["n"],
            **{name: point[name]["value"] for name in names},
            **{f"{name}_{end}": point[name][end] for name in names for end in ("low", "high")},
        }
        for point in report["points"]
    ]
    figure = learning_curve(report, plate, simulated=simulated)
    return Plot(CURVE, "What more labels would bring", figure, (columns, rows))


def learning_curve(report: Mapping[str, Any], plate: str, *, simulated: bool = False) -> Figure:
    """Return the scores of a classifier against the number of labels, each with its 95 % interval."""
    classifier = report.get("classifier", {}).get("id", "")
    title = f"What more labels bring{f' ({classifier})' if classifier else ''}"
    figure = new_figure(6.0, 4.2, title, plate, simulated=simulated)
    axes = figure.add_subplot()
    bare(axes)
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    labels = [point["n"] for point in report["points"]]
    for name, colour, marker in (("accuracy", "#0072B2", "o"), ("balanced_accuracy", "#D55E00", "D")):
        scores = [point[name] for point in report["points"]]
        value, low, high = (np.array([s[k] for s in scores], np.float64) for k in ("value", "low", "high"))
        axes.fill_between(labels, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(labels, value, color=colour, marker=marker, markersize=5, label=name.replace("_", " "))
    axes.set_xlim(0, max(labels, default=1) * 1.04)
    axes.set_ylim(top=1.0)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("labels", fontsize=9, color=QUIET)
    add_legend(figure, axes.get_legend_handles_labels()[0])
    return figure


def _class_rows(part: EvaluationPart) -> tuple[list[str], list[dict[str, object]]]:
    names = ("recall", "precision", "f1")
    columns = ["phenotype", "cells", *(f"{name}{end}" for name in names for end in ("", "_low", "_high"))]
    rows: list[dict[str, object]] = []
    for score in part.per_class:
        row: dict[str, object] = {"phenotype": score.name, "cells": score.support}
        for name in names:
            one = getattr(score, name)
            row |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
        rows.append(row)
    return columns, rows
