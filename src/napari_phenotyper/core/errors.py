"""One tree of errors, each saying what is wrong and what to do about it.

Every error is also the builtin that a caller would expect, so `except OSError` keeps working.
"""

from __future__ import annotations


class PhenotyperError(Exception):
    """Something that the user can mend.

    Parameters
    ----------
    what
        What is wrong, naming the file, well, channel or class.
    remedy
        What to do about it; may be empty where nothing helps.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        """Return both sentences, as the user reads them."""
        return f"{self.what} {self.remedy}".strip()

    def __reduce__(self) -> tuple[type[PhenotyperError], tuple[str, str]]:
        """Pickle by the two sentences, so that errors cross a process boundary whole."""
        return type(self), (self.what, self.remedy)


class PlateError(PhenotyperError, ValueError):
    """A path is no plate, or a plate contradicts itself."""


class PixelError(PhenotyperError, OSError):
    """An image file is missing, truncated or unreadable."""


class ChannelError(PhenotyperError, LookupError):
    """A channel or role that the plate does not have."""


class SettingError(PhenotyperError, ValueError):
    """A parameter that does not exist or cannot take the value."""


class ExtensionError(PhenotyperError, ImportError):
    """An extension that does not exist, or fails on import."""


class ProjectError(PhenotyperError, OSError):
    """The project folder cannot be read or written."""


class ProjectLockedError(ProjectError):
    """Somebody else is writing to the project."""


class TableError(PhenotyperError, ValueError):
    """A CSV file that lacks a column or holds a value that cannot be read."""


class TrainingError(PhenotyperError, ValueError):
    """The annotations do not allow what was asked for."""


class ModelError(PhenotyperError, ValueError):
    """A model file that is foreign, damaged or does not fit the cells."""
