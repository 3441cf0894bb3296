"""Learning curves, comparisons and suspected labels in words: as text for a terminal, as HTML for the window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from napari_phenotyper.pages.words import table_view


def curve_text(found: Mapping[str, Any]) -> str:
    """Return a learning curve as text: a line per point, then what more labels would bring."""
    groups = f"{found['groups']} {found['group']}s"
    lines = [f"{found['classifier']['id']}: {found['n']} annotated cells from {groups}"]
    lines.append("  labels  accuracy (95 % interval)   balanced accuracy (95 % interval)")
    for point in found["points"]:
        lines.append(f"  {point['n']:6d}  {_score(point['accuracy'])}      {_score(point['balanced_accuracy'])}")
    lines.append(f"  all classes: {found['forecast']['sentence']}")
    lines += [f"  {one['sentence']}" for one in found["forecasts"].values()]
    return "\n".join([*lines, *_notes(found)])


def comparison_text(found: Mapping[str, Any]) -> str:
    """Return a comparison as text: a line per classifier, then a sentence per pair."""
    lines = [f"{found['n']} annotated cells from {found['groups']} {found['group']}s, the same folds for all"]
    width = max(len(name) for name in found["classifiers"])
    lines.append(f"  {'classifier':<{width}}  accuracy              balanced accuracy     log loss")
    for name, scores in found["classifiers"].items():
        told = "  ".join(_score(scores[key]) for key in ("accuracy", "balanced_accuracy", "log_loss"))
        lines.append(f"  {name:<{max(width, 10)}}  {told}")
    for pair in found["pairs"]:
        one = pair["mcnemar"]
        lines.append(f"  {pair['sentence']}")
        lines.append(f"    cells only one is right about: {one['better_only']} to {one['other_only']}, "
                     f"McNemar p = {one['p']:.2g} if cells were independent")  # fmt: skip
    return "\n".join([*lines, *_notes(found)])


def suspects_text(found: Mapping[str, Any]) -> str:
    """Return suspected labels as text: how many, and a table."""
    rows = found["suspects"]
    head = f"{found['classifier']['id']} doubts {len(rows)} of {found['n']} labels; look at these cells first"
    columns = ["plate", "well", "field", "y", "x", "given", "predicted", "probability"]
    table = [table_view(columns, rows)] if rows else []
    return "\n".join([head, *table, *_notes(found)])


def curve_html(found: Mapping[str, Any]) -> str:
    """Return what more labels would bring, as paragraphs; the curve itself is drawn."""
    return _paragraphs(
        [
            f"All classes: {found['forecast']['sentence']}",
            *(one["sentence"] for one in found["forecasts"].values()),
            *_html_notes(found),
        ]
    )


def comparison_html(found: Mapping[str, Any]) -> str:
    """Return a comparison as a table of scores in % and a sentence per pair."""
    heads = "".join(f"<th align='right'>{title}</th>" for title in ("accuracy", "balanced", "log loss"))
    lines = [f"<tr><th align='left'>classifier</th>{heads}</tr>"]
    for name, scores in found["classifiers"].items():
        told = [f"{100 * scores[key]['value']:.1f} %" for key in ("accuracy", "balanced_accuracy")]
        cells = "".join(f"<td align='right'>{text}</td>" for text in (*told, f"{scores['log_loss']['value']:.2f}"))
        lines.append(f"<tr><td>{escape(name)}</td>{cells}</tr>")
    table = f"<table width='100%' cellpadding='3'>{''.join(lines)}</table>"
    return table + _paragraphs([*(pair["sentence"] for pair in found["pairs"]), *_html_notes(found)])


def suspects_html(found: Mapping[str, Any]) -> str:
    """Return suspected labels as a list; the link of each is its number."""
    rows = found["suspects"]
    if not rows:
        return _paragraphs([f"None of {found['n']} labels is doubted.", *_html_notes(found)])
    head = (
        f"<p>{len(rows)} of {found['n']} labels are doubted. Look at these cells, and correct those that are wrong.</p>"
    )
    lines = [
        f"<tr><td><a href='{i}' style='color:#5aa9e6'>{escape(row['well'])}, field {row['field']}</a></td>"
        f"<td>{escape(row['given'])} → {escape(row['predicted'])}</td>"
        f"<td align='right'>{100 * row['probability']:.0f} %</td></tr>"
        for i, row in enumerate(rows)
    ]
    return f"{head}<table width='100%' cellpadding='3'>{''.join(lines)}</table>" + _paragraphs(_html_notes(found))


def _paragraphs(sentences: Iterable[str]) -> str:
    return "".join(f"<p>{escape(text)}</p>" for text in sentences)


def _html_notes(found: Mapping[str, Any]) -> list[str]:
    return [f"Note: {text}." for text in found["warnings"]]


def _score(score: Mapping[str, float]) -> str:
    return f"{score['value']:.3f} ({score['low']:.3f}–{score['high']:.3f})"


def _notes(found: Mapping[str, Any]) -> list[str]:
    return [f"  note: {text}" for text in found["warnings"]]
