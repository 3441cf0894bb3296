"""Walls, sizes and what is shipped."""

from __future__ import annotations

import ast
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
from tests.contracts.scenes import cells, training

from napari_phenotyper.core.contracts import KINDS
from napari_phenotyper.core.parameters import make
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.registry import methods

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "napari_phenotyper"
FILES = sorted(SOURCE.rglob("*.py"))


def functions():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                doc = node.body[0] if ast.get_docstring(node) else None
                size = node.end_lineno - node.lineno + 1 - (doc.end_lineno - doc.lineno + 1 if doc else 0)
                yield f"{path.relative_to(SOURCE)}:{node.lineno} {node.name}", size


def test_functions_are_short(record_property):
    sizes = dict(functions())
    long = {name: size for name, size in sizes.items() if size > 30}
    record_property("functions over 30 lines", long)
    assert not {name: size for name, size in sizes.items() if size > 60}
    assert len(long) <= 0.05 * len(sizes), long


def test_files_are_short(record_property):
    sizes = {str(p.relative_to(SOURCE)): len(p.read_text(encoding="utf-8").splitlines()) for p in FILES}
    long = {name: size for name, size in sizes.items() if size > 300}
    record_property("files over 300 lines", long)
    assert not {name: size for name, size in sizes.items() if size > 400}
    assert len(long) <= max(0.05 * len(sizes), 1), long


def test_only_one_file_knows_naparis_layers():
    knows = [p.name for p in FILES if "viewer.layers" in p.read_text(encoding="utf-8")]
    assert set(knows) <= {"layers.py"}


def test_heavy_libraries_are_not_imported_at_module_level_by_extensions():
    heavy = {"torch", "sklearn", "skimage", "zarr", "pandas"}
    found = []
    for folder in ("readers", "segmenters", "extractors", "classifiers", "profilers", "scorers"):
        for path in (SOURCE / folder).glob("[!_]*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                found += [f"{path.name}: {n}" for n in names if n.split(".")[0] in heavy]
    assert not found


def test_extensions_of_one_folder_import_only_what_the_folder_shares():
    found = []
    for folder in ("readers", "segmenters", "extractors", "classifiers", "profilers", "scorers"):
        own = f"napari_phenotyper.{folder}."
        for path in (SOURCE / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
                names = [f"{module}.{a.name}" if module == own[:-1] else module for a in getattr(node, "names", ())]
                found += [f"{path.name}: {n}" for n in names if n.startswith(own) and not n[len(own) :].startswith("_")]
    assert not found


def test_the_manifest_at_the_top_is_the_packages():
    assert (ROOT / "napari.yaml").read_bytes() == (SOURCE / "napari.yaml").read_bytes()


def test_an_editable_install_finds_manifest_and_sample_plate():
    code = (
        "from importlib.metadata import distribution as d; from npe2 import PluginManifest as M;"
        "from napari_phenotyper.session.sample import generator; generator();"
        "print(M.from_distribution('napari-phenotyper').display_name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Phenotyper"


def test_a_wheel_carries_what_it_needs(tmp_path):
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    target = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(target)
    weights = ("segmenters/weights/unet.safetensors", "segmenters/weights/unet.json")
    data = ("napari.yaml", "sample_data/simulated_plate.py", "icons/phenotyper.svg")
    for needed in (*data, "cli.py", "py.typed", *weights):
        assert f"napari_phenotyper/{needed}" in names
    code = (
        f"import sys; sys.path.insert(0, {str(target)!r}); from pathlib import Path\n"
        "from napari_phenotyper.session import sample\n"
        f"assert str(Path(sample.__file__)).startswith({str(target)!r}), sample.__file__\n"
        "print(sample.generator().__file__)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip().startswith(str(target / "napari_phenotyper" / "sample_data"))


def test_the_classifier_in_the_guide_keeps_the_contract():
    """The guide for contributors shows an extension; it has to work as it stands there."""
    code = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    module = types.ModuleType("nearest_mean")
    sys.modules[module.__name__] = module
    exec(compile(code, "CONTRIBUTING.md", "exec"), module.__dict__)
    classifier = make(module.NearestMean, {"softness": "2"})
    model = classifier.fit(training(), no_progress)
    chunk, kinds = cells(30, "B01", seed=9)
    assert (model.predict(chunk).argmax(axis=1) == kinds).mean() > 0.9
    assert np.array_equal(classifier.restore(model.state()).predict(chunk), model.predict(chunk))
    assert {"fit", "restore"} <= {m for m in methods(KINDS["classifier"][1]) if callable(getattr(classifier, m))}
