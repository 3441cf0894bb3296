"""What a user may set for all projects. Every default is good enough that nobody needs to."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_phenotyper.core.keys import Json
from napari_phenotyper.session.user_files import config_folder
from napari_phenotyper.store.state_file import StateFile

FILE = "preferences.json"


@dataclass(frozen=True)
class Preferences:
    """Preferences; napari's own dialog edits them where napari can, else the file `preferences.json` does.

    Attributes
    ----------
    annotator
        In whose name cells are labelled; "" for the name of the account.
    learn_live
        Whether a project that was never open learns live.
    pause
        Seconds without a click after which a fit begins.
    workers
        Processes that segment and measure; 0 for one less than there are cores, eight at most.
    threads
        Threads of the process that learns; 0 for half the cores.
    """

    annotator: str = ""
    learn_live: bool = True
    pause: float = 0.1
    workers: int = 0
    threads: int = 0

    @property
    def worker_count(self) -> int:
        """How many processes segment and measure."""
        cores = os.cpu_count() or 2
        return self.workers or max(1, min(cores - 1, 8))

    @property
    def thread_count(self) -> int:
        """How many threads the process that learns has."""
        return self.threads or max(1, (os.cpu_count() or 2) // 2)


_LIMITS = {"pause": (0.0, 60.0), "workers": (0, 256), "threads": (0, 256)}


def preferences(found: Mapping[str, object]) -> Preferences:
    """Return preferences from what somebody wrote; what is unknown, or cannot be, is as if it were not there."""
    known = {}
    for field in dataclasses.fields(Preferences):
        value = found.get(field.name)
        kind = type(field.default)
        if isinstance(value, int) and not isinstance(value, bool) and kind is float:
            value = float(value)
        low, high = _LIMITS.get(field.name, (None, None))
        if type(value) is kind and (low is None or high is None or low <= value <= high):  # type: ignore[operator]
            known[field.name] = value
    return Preferences(**known)  # type: ignore[arg-type]


def read_preferences(folder: Path | None = None) -> Preferences:
    """Return the preferences in the user's configuration, the defaults where there are none."""
    found: Mapping[str, Json] = StateFile((folder or config_folder()) / FILE).read()
    return preferences(found)
