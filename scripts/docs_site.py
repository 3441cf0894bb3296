"""What mkdocs calls while it builds the site: pages that are made from the program itself, never copied by hand.

`reference/commands.md` comes from the argument parsers, `reference/extensions.md` from the registry; CONTRIBUTING.md,
CHANGELOG.md and the icon at the top of the repository become parts of the site.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

_INTRODUCTIONS = {
    "reader": "Opens plates of a format. `--pattern` sets `pattern` of `file_pattern`.",
    "segmenter": "Finds the nuclei: `phenotyper segment PLATE --segmenter ID --set NAME=VALUE`, or the tab Segment.",
    "extractor": "Measures a family of features: `phenotyper measure PLATE --extractors ID,ID`. Those that are not "
    "marked *on request* are measured where nothing is chosen.",
    "classifier": "Learns the classes: `phenotyper train PLATE --classifier ID --set NAME=VALUE`, or the tab Train.",
    "profiler": "Turns the cells of a well into a row: `phenotyper profile PLATE --profiler ID`.",
    "scorer": "Says how far a well is from the controls: `phenotyper hits PLATE --scorer ID`.",
}


_ABOUT_COMMANDS = (
    "Made from the argument parsers when the site is built; `phenotyper COMMAND --help` shows the same.\n\n"
    "Results go to stdout, as text or with `--json`; progress goes to stderr. Exit code 0: done, 1: failed, 2: misuse, "
    "130: stopped by the user; what was done is kept."
)
_KINDS = {
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "str": "text",
    "list": "names, with commas",
}


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages to those that mkdocs found."""
    from mkdocs.structure.files import File

    for name, content in pages().items():
        files.append(File.generated(config, name, content=content))
    icon = ROOT / "icons" / "phenotyper.svg"
    files.append(File.generated(config, "icons/phenotyper.svg", abs_src_path=str(icon)))
    return files


def on_page_content(html: str, **_: Any) -> str:
    """Let a click on a picture open it in its full size."""
    return re.sub(r'(<img [^>]*?src="([^"]+)"[^>]*>)', r'<a href="\2">\1</a>', html)


def pages() -> dict[str, str]:
    """Return path in the site to text of every generated page."""
    return {
        "reference/commands.md": commands_page(),
        "reference/extensions.md": extensions_page(),
        "contributing.md": from_the_top("CONTRIBUTING.md"),
        "changelog.md": from_the_top("CHANGELOG.md"),
    }


def from_the_top(name: str) -> str:
    """Return a page of the repository's top, its links made those of the site."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.sub(r"\]\(docs/([^)]+)\)", r"](\1)", text)


def commands_page() -> str:
    """Return every command with its arguments and options, as the parsers know them."""
    import typer

    from napari_phenotyper.cli import app

    top: Any = typer.main.get_command(app)
    found = ["# Commands", "", _ABOUT_COMMANDS, ""]
    for name, command in _walk(top, ()):
        found += _command(name, command)
    return "\n".join(found)


def _walk(group: Any, above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Yield the visible commands of a group, and of the groups in it, by their whole names."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _walk(command, (*above, name))
        else:
            yield " ".join((*above, name)), command


def _command(name: str, command: Any) -> list[str]:
    context = command.context_class(command, info_name=name)
    pieces = [piece.strip("{}") for piece in command.collect_usage_pieces(context) if "NAME=VALUE" not in piece]
    usage = " ".join(("phenotyper", name, *pieces))
    lines = [f"## {name}", "", str(command.help or "").strip(), "", "```text", usage, "```", ""]
    rows = [_meaning(p, context) for p in command.params if not p.hidden]
    return [*lines, *_table(("what", "meaning"), rows), ""]


def _meaning(parameter: Any, context: Any) -> tuple[str, str]:
    """Return what an argument or option is called, and what its help says."""
    name, text = parameter.get_help_record(context)
    if parameter.name == "jobs":  # which is not to be that of the machine that builds the site
        text = re.sub(r"default: \d+", "default: the processors there are, at most 8", text)
    text = re.sub(r"'(\{[^']+)'", r"`\1`", text)
    return f"`{name}`", text.replace("[", "\\[")


def extensions_page() -> str:
    """Return every extension with its parameters, as the registry knows them."""
    from napari_phenotyper.core.contracts import KINDS
    from napari_phenotyper.core.registry import Registry

    registry = Registry(others=())
    found = ["# Extensions", "", "Made from the registry when the site is built. `phenotyper list` shows the same.", ""]
    for kind, (folder, _) in KINDS.items():
        found += [f"## {folder.capitalize()}", "", _INTRODUCTIONS[kind], ""]
        for name in registry.ids(kind):
            found += _extension(registry.get(kind, name))
    return "\n".join(found)


def _extension(extension: Any) -> list[str]:
    mark = "" if extension.default else " *(on request)*"
    lines = [f"### `{extension.id}`", "", f"{extension.title}.{mark}", ""]
    more = _prose("\n".join((inspect.getdoc(extension.cls) or "").splitlines()[1:]).strip())
    rows = [(f"`{p.name}`", _kind(p), _default(p), p.help) for p in extension.parameters]
    table = _table(("parameter", "takes", "default", "meaning"), rows) if rows else ["No parameters."]
    return [*lines, *([more, ""] if more else []), *table, ""]


def _default(parameter: Any) -> str:
    return "–" if parameter.default in (None, "", ()) else f"`{parameter.default}`"


def _prose(doc: str) -> str:
    """Return a docstring up to its first numpy section."""
    lines = doc.splitlines()
    for place, line in enumerate(lines):
        if re.fullmatch(r"-{3,}", line.strip()):
            return "\n".join(lines[: place - 1]).strip()
    return doc


def _kind(parameter: Any) -> str:
    kind = " \\| ".join(f"`{c}`" for c in parameter.choices) or _KINDS[parameter.kind]
    low, high = ("" if limit is None else f"{limit:g}" for limit in (parameter.minimum, parameter.maximum))
    limits = f", {low} … {high}" if low or high else ""
    unit = f" ({parameter.unit})" if parameter.unit else ""
    return f"{kind}{unit}{limits}{' or none: chosen for you' if parameter.optional else ''}"


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return lines + ["| " + " | ".join(" ".join(cell.split()) for cell in row) + " |" for row in rows]
