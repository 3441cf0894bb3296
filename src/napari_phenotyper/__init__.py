"""napari-phenotyper: from a plate to its hits in one window."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("napari-phenotyper")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
