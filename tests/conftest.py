"""Fixtures that every room shares."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; skips where it is missing."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip(f"no real data at {data}")
    return data


@pytest.fixture(scope="session")
def composed_plate(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small plate of real nuclei with known phenotypes: 24 wells, one field of 36 cells each."""
    out = tmp_path_factory.mktemp("composed") / "P1"
    tool = SHARED / "tools" / "compose_plate.py"
    command = [
        sys.executable,
        str(tool),
        str(shared_data / "mitocheck_crops"),
        str(out),
        "--tiles",
        "6",
        "--fields",
        "1",
    ]
    subprocess.run(command, check=True)
    return out
