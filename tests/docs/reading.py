"""Reads the documentation as a visitor would: pages, links, commands, what it calls things."""

from __future__ import annotations

import ast
import functools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TOP = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "sample_data" / "README.md"]
FENCE = re.compile(r"^[ ]*```(\w*)[^\n]*\n(.*?)^[ ]*```", re.M | re.S)


def name(path: Path) -> str:
    """A page as the tests call it."""
    return path.relative_to(ROOT).as_posix()


def prose(text: str) -> str:
    """The text without blocks of code."""
    return FENCE.sub("", text)


def links(text: str) -> Iterator[str]:
    """Targets of links and pictures."""
    yield from re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(text)))
    yield from re.findall(r"<img [^>]*src=\"([^\"]+)\"", text)


def anchors(text: str) -> set[str]:
    """What a link into the page may name."""
    found = set(re.findall(r"\{ #([\w-]+) \}", text))
    for head in re.findall(r"^#+ (.+)$", prose(text), re.M):
        words = re.sub(r"[^\w\s-]", "", re.sub(r"\{.*\}|`", "", head)).strip().lower()
        found.add(re.sub(r"[-\s]+", "-", words))
    return found


def lines_of_shell(text: str) -> Iterator[str]:
    """Lines of the blocks marked sh, those continued by a backslash joined, comments left out."""
    for language, block in FENCE.findall(text):
        if language == "sh":
            for line in block.replace("\\\n", " ").splitlines():
                if line.strip() and not line.strip().startswith("#"):
                    yield line.strip()


def words_of(line: str) -> list[str]:
    """A line of shell as its words, up to a redirection."""
    found = shlex.split(line, comments=True)
    stop = next((i for i, word in enumerate(found) if word in (">", "|", "&&")), len(found))
    return found[:stop]


def commands(text: str) -> Iterator[list[str]]:
    """Words of every `phenotyper …` in blocks of shell, and inline where it is more than a name."""
    for line in lines_of_shell(text):
        if line.startswith("phenotyper "):
            yield words_of(line)[1:]
    for code in re.findall(r"`(phenotyper [^`]+)`", prose(text)):
        yield words_of(re.sub(r"[][]", "", code))[1:]  # brackets: what may be left out


@functools.cache
def strings_of(folder: Path) -> tuple[str, ...]:
    """Every text in the sources of a folder but docstrings, with … for what is put in; parts that follow are joined."""
    found = []
    for path in folder.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                found.append(node.value)
    return tuple(found)
