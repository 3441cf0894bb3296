"""HTML in small pieces. Every text from outside passes through `escape`; nothing here knows what a plate is."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape as _escape

from napari_phenotyper.pages.style import data_uri

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --quiet: #57606a; --paper: #ffffff; --card: #f6f8fa;
  --rule: #d0d7de; --link: #0b57d0; --warn: #9a5b00; --warnbg: #fff4e0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --quiet: #9aa5b1; --paper: #0f1318; --card: #181d24;
  --rule: #333b45; --link: #7cb2ff; --warn: #ffc266; --warnbg: #33260f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: anywhere;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1.02rem; margin: 1.5rem 0 .25rem; }
p, ul { margin: .5rem 0; } ul { padding-left: 1.25rem; }
a { color: var(--link); } .quiet { color: var(--quiet); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; padding: 0; }
.banner, .note { border-left: 4px solid var(--warn); background: var(--warnbg); padding: .6rem .9rem;
  border-radius: 4px; margin: .75rem 0; }
.banner { font-weight: 600; }
.next { border-left: 4px solid var(--link); background: var(--card); padding: .6rem .9rem; border-radius: 4px; }
.big { display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; margin: .75rem 0; list-style: none; }
.big li { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .5rem .9rem;
  flex: 1 1 9rem; }
.big b { display: block; font-size: 1.4rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; margin: .75rem 0; min-width: 50%; }
th, td { text-align: left; padding: .3rem 1.3rem .3rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { color: var(--quiet); font-weight: 600; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0; } figcaption { color: var(--quiet); font-size: .9rem; margin-top: .3rem; }
figure img { display: block; max-width: 100%; height: auto; background: #fff; border: 1px solid var(--rule);
  border-radius: 6px; padding: .5rem; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(21rem, 1fr)); gap: 0 1rem; }
.two figure { min-width: 0; }
.chip { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em; }
code { font: .88em ui-monospace, SFMono-Regular, Consolas, "DejaVu Sans Mono", monospace; }
@media print { :root { --ink: #000; --quiet: #444; --paper: #fff; --card: #fff; --rule: #bbb; --link: #000;
  --warn: #9a5b00; --warnbg: #fff; }
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; } nav { display: none; }
  figure, tr, .big li, .note, .next { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .two { grid-template-columns: 1fr 1fr; } .scroll { overflow: visible; } }
"""


def escape(text: object) -> str:
    """Return text as HTML shows it: in any script, without control characters."""
    visible = "".join(c for c in str(text) if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return _escape(visible, quote=True)


def paragraph(text: object, kind: str = "") -> str:
    """Return a paragraph of plain text; kind is a class of the style sheet."""
    return f"<p{_class(kind)}>{escape(text)}</p>"


def bullets(items: Iterable[object], kind: str = "") -> str:
    """Return a list of plain texts; nothing for no items."""
    lines = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul{_class(kind)}>{lines}</ul>" if lines else ""


def notes(items: Iterable[object]) -> str:
    """Return each text in a box that catches the eye."""
    return "".join(f'<div class="note">{escape(item)}</div>' for item in items)


def big_numbers(items: Iterable[tuple[object, object]]) -> str:
    """Return figures in large type with what they count below: (figure, words)."""
    lines = "".join(f"<li><b>{escape(value)}</b>{escape(words)}</li>" for value, words in items)
    return f'<ul class="big">{lines}</ul>'


def table(header: Sequence[str], rows: Iterable[Sequence[object]], numeric: Iterable[int] = ()) -> str:
    """Return a table of plain texts.

    Parameters
    ----------
    header
        Names of the columns.
    rows
        Texts; a `Raw` is put in as the HTML it is.
    numeric
        Columns that are set to the right.
    """
    right = set(numeric)
    attribute = [' class="n"' if i in right else "" for i in range(len(header))]
    head = "".join(f'<th scope="col"{a}>{escape(name)}</th>' for a, name in zip(attribute, header, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{a}>{_cell(value)}</td>" for a, value in zip(attribute, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


class Raw(str):
    """HTML that is put into a table as it is."""

    __slots__ = ()


def chip(colour: str, name: str) -> Raw:
    """Return a name with a patch of its colour before it."""
    return Raw(f'<span class="chip" style="background:{escape(colour)}"></span>{escape(name)}')


def picture(content: bytes, caption: str, width: float | None = None, numbers: str = "", name: str = "figure") -> str:
    """Return a figure from a PNG or SVG file; its caption is its alternative text.

    Parameters
    ----------
    width
        In CSS pixels.
    numbers, name
        CSV text that a link below saves, and the name of its file without ending.
    """
    size = f' style="width:{width:.0f}px"' if width else ""
    text = escape(caption)
    link = ""
    if numbers:
        coded = base64.b64encode(numbers.encode("utf-8-sig")).decode("ascii")  # Excel reads UTF-8 by its mark only
        link = f' <a download="{escape(name)}.csv" href="data:text/csv;base64,{coded}">Its numbers (CSV)</a>'
    return f'<figure><img src="{data_uri(content)}" alt="{text}"{size}><figcaption>{text}{link}</figcaption></figure>'


def page(title: str, body: str) -> str:
    """Return a whole page that asks nothing of the network."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _cell(value: object) -> str:
    return str(value) if isinstance(value, Raw) else escape(value)


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
