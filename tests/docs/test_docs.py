"""The documentation says what is there: its pages, links, pictures, commands, names on the screen and messages."""

from __future__ import annotations

import functools
import re
import tomllib
from urllib.parse import unquote

import pytest
import typer
import yaml
from scripts.docs_site import pages
from tests.docs.reading import (
    DOCS,
    PAGES,
    ROOT,
    TOP,
    anchors,
    commands,
    lines_of_shell,
    links,
    name,
    prose,
    strings_of,
    words_of,
)

from napari_phenotyper.cli import app
from napari_phenotyper.core.registry import Registry

GENERATED = pages()
TALKS = [p for p in PAGES if p.name not in ("design.md",)] + TOP[:1]
GUIDES = [DOCS / "tutorial.md", *sorted((DOCS / "how-to").glob("*.md"))]
LIGHT = 150_000


@functools.cache
def screen():
    """All that may stand on it: texts of the window, and names of parameters as forms show them."""
    rooms = ("views", "desk", "pages", "evaluation", "core")
    found = [text for room in rooms for text in strings_of(ROOT / "src" / "napari_phenotyper" / room)]
    registry = Registry(others=())
    for kind in ("segmenter", "classifier", "scorer"):
        for one in registry.ids(kind):
            found += [p.name.replace("_", " ").capitalize() for p in registry.get(kind, one).parameters]
    return "\n".join(found)


def nav(items):
    for item in items:
        for value in item.values() if isinstance(item, dict) else [item]:
            if isinstance(value, list):
                yield from nav(value)
            else:
                yield value


def test_every_page_is_in_the_navigation_and_every_entry_has_its_page():
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    hidden = set(site["not_in_nav"].split())
    listed = list(nav(site["nav"]))
    there = {p.relative_to(DOCS).as_posix() for p in PAGES} | set(GENERATED)
    assert len(listed) == len(set(listed))
    assert set(listed) == there - hidden


@pytest.mark.parametrize("page", [*PAGES, *TOP], ids=name)
def test_links_and_pictures_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for link in links(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        inside = target.relative_to(DOCS).as_posix() if target.is_relative_to(DOCS) else ""
        assert target.exists() or inside in GENERATED, f"{link} leads nowhere"
        if anchor:
            there = GENERATED[inside] if inside in GENERATED else target.read_text(encoding="utf-8")
            assert anchor in anchors(there), f"{link}: there is no such heading"


def test_pictures_of_the_tutorial_are_light_and_used():
    shown = set(links("\n".join(p.read_text(encoding="utf-8") for p in PAGES)))
    for picture in (DOCS / "tutorial").iterdir():
        assert picture.stat().st_size <= LIGHT
        assert any(link.endswith(f"tutorial/{picture.name}") for link in shown), f"{picture.name} is shown nowhere"


@pytest.mark.parametrize("page", TALKS, ids=name)
def test_commands_that_are_shown_parse(page):
    top = typer.main.get_command(app)
    for words in commands(page.read_text(encoding="utf-8")):
        command, context, rest = top, None, list(words)
        while hasattr(command, "commands"):
            if not rest or rest[0].isupper():  # `phenotyper COMMAND`, `phenotyper models`
                break
            assert rest[0] in command.commands, f"phenotyper {' '.join(words)}: there is no such command"
            command = command.commands[rest.pop(0)]
        if rest and not hasattr(command, "commands"):
            try:
                context = command.make_context(words[0], rest)
            except Exception as error:
                raise AssertionError(f"phenotyper {' '.join(words)}: {error}") from error
            _check_ids(context.params)


def _check_ids(given):
    registry = Registry()
    for kind in ("segmenter", "classifier", "profiler", "scorer"):
        for one in [given.get(kind)] if isinstance(given.get(kind), str) else given.get(kind) or []:
            assert one == "ID" or one in registry.ids(kind), f"there is no {kind} {one}"
    for one in (given.get("extractors") or "").split(","):
        assert one in ("", "ID", "…") or one in registry.ids("extractor")
    kind = next((k for k in ("classifier", "segmenter") if isinstance(given.get(k), str)), "segmenter")
    settings = dict(item.split("=") for item in (*(given.get("settings") or ()), *(given.get("more") or ())))
    if "segmenter" in given or "classifier" in given:
        registry.make(kind, given.get(kind) or "nuclei", {k: v for k, v in settings.items() if k != "NAME"})


@pytest.mark.parametrize("page", [*PAGES, *TOP], ids=name)
def test_other_lines_of_shell_name_what_there_is(page):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    for line in lines_of_shell(page.read_text(encoding="utf-8")):
        program, *rest = words_of(line)
        if program == "make":
            assert rest[0] in targets
        elif program == "pip":
            extra = re.search(r"napari-phenotyper\[(\w+)\]", line)
            assert extra is None or extra[1] in project["optional-dependencies"]
        elif program == "python":
            assert (ROOT / rest[0]).exists()
        else:
            assert program in ("phenotyper", "dask"), f"who knows {program}?"


@pytest.mark.parametrize("page", GUIDES, ids=name)
def test_what_is_bold_stands_on_the_screen(page):
    dynamic = r"[A-H]\d\d|bold|Bold|Share of \w+|Prometaphase|Segment and measure the plate"
    for words in re.findall(r"\*\*(.+?)\*\*", prose(page.read_text(encoding="utf-8"))):
        if not re.fullmatch(dynamic, words):
            assert words in screen() or words.lower() in screen(), f"**{words}** stands nowhere on the screen"


def test_messages_that_are_explained_are_given_by_the_program():
    said = "\n".join(strings_of(ROOT / "src"))
    for message in re.findall(r"^> (.+)$", (DOCS / "how-to" / "problems.md").read_text(encoding="utf-8"), re.M):
        pieces = [piece.strip() for piece in message.split("…") if len(piece.strip()) > 3]
        pattern = ".*?".join(map(re.escape, pieces))
        assert re.search(pattern, said), f"nobody says: {message}"


def test_every_command_and_every_extension_is_in_the_reference():
    for words in typer.main.get_command(app).commands:
        if words != "tour":
            assert f"## {words}" in GENERATED["reference/commands.md"]
    for kind in ("reader", "segmenter", "extractor", "classifier", "profiler", "scorer"):
        for one in Registry(others=()).ids(kind):
            assert f"### `{one}`" in GENERATED["reference/extensions.md"]
