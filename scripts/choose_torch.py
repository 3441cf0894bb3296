"""Print which torch `make install` asks for.

On Linux with CPython 3.11 and no NVIDIA GPU a pinned version, of which a CPU build may lie at hand; else the newest.
"""

from __future__ import annotations

import platform
import shutil
import sys


def main() -> None:
    """Print a requirement."""
    plain_cpu = (
        sys.platform == "linux"
        and platform.python_implementation() == "CPython"
        and sys.version_info[:2] == (3, 11)
        and shutil.which("nvidia-smi") is None
    )
    print("torch==2.13.0" if plain_cpu else "torch")


if __name__ == "__main__":
    main()
