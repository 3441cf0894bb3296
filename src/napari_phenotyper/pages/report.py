"""The report: one HTML page that holds everything, in the order in which the work was done."""

from __future__ import annotations

from napari_phenotyper.pages import light, mosaic, sections
from napari_phenotyper.pages.content import ReportContent
from napari_phenotyper.pages.html import bullets, escape, page, paragraph, picture
from napari_phenotyper.pages.sections import Section

__all__ = ["ReportContent", "render"]

_PARTS = (
    sections.plates,
    mosaic.fields,
    sections.segmentation,
    light.illumination,
    sections.labelled,
    sections.evaluation,
    sections.examples,
    sections.plate_maps,
    sections.treatments,
    sections.hits,
    sections.methods,
)


def render(content: ReportContent) -> str:
    """Return the report as one HTML page: styles and pictures inside, no request to anywhere.

    What is not there yet is left out; the page then says which step comes next.
    """
    made = [part(content) for part in _PARTS]
    shown = [section for section in made if section.body]
    reached = max((i for i, section in enumerate(made[:-1]) if section.body), default=-1)
    waiting = [section for section in made[reached + 1 :] if not section.body and section.next_step]
    shown += [window(content)] if content.window else []
    body = [_head(content, shown)]
    if waiting:
        body.append(f'<p class="next"><b>Next:</b> {escape(waiting[0].next_step)}</p>')
    body += [f'<section id="{s.id}"><h2>{escape(s.title)}</h2>{s.body}</section>' for s in shown]
    return page(content.title or "Report", "\n".join(body))


def window(content: ReportContent) -> Section:
    """Show the window at work."""
    pictures = "".join(picture(png, caption) for caption, png in content.window)
    return Section("window", "The window", pictures)


def _head(content: ReportContent, shown: list[Section]) -> str:
    """Return title, what is on the page, and whether it is simulated."""
    parts = [f"<header><h1>{escape(content.title or 'Report')}</h1>"]
    names = [plate.name for plate in content.plates]
    where = f"Plate {names[0]}" if len(names) == 1 else f"{len(names)} plates" if names else ""
    line = " · ".join(part for part in (where, content.made) if part)
    if line:
        parts.append(paragraph(line, "quiet"))
    if content.simulated:
        parts.append(
            '<div class="banner" role="note">Simulated data: no cell on this page ever lived. '
            "It shows how the software works and says nothing about any compound.</div>"
        )
    links = "".join(f'<li><a href="#{s.id}">{escape(s.title)}</a></li>' for s in shown)
    parts.append(f'<nav aria-label="On this page"><ul>{links}</ul></nav></header>')
    parts.append(_problems(content))
    return "".join(parts)


def _problems(content: ReportContent) -> str:
    """Return what a reader must know before anything else, in one list."""
    found = [f"{plate.name}: {text}" for plate in content.plates for text in plate.problems]
    if content.segmentation is not None and content.segmentation.failed:
        count = len(content.segmentation.failed)
        found.append(f"{count} {'field' if count == 1 else 'fields'} could not be segmented; see below.")
    if not found:
        return ""
    more = [f"and {len(found) - 8} more."] if len(found) > 8 else []
    return f'<div class="note"><b>Problems found</b>{bullets([*found[:8], *more])}</div>'
