"""The wheel: built, installed apart from this checkout, and used from another folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


def call(command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, since a build leaves its traces in the folder that it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "nstlib", folder / "source" / "nstlib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", *(path.name for path in ROOT.glob("requirements*.txt"))):
        shutil.copy(ROOT / name, folder / "source")
    call([*PIP, "wheel", folder / "source", "--no-deps", "--no-build-isolation", "--wheel-dir", folder])
    (built,) = folder.glob("*.whl")
    return built


def test_it_holds_the_package_and_its_data_and_no_workshop(wheel):
    listed = call(["git", "ls-files", "--cached", "--others", "--exclude-standard", "nstlib"], cwd=ROOT).split()
    wanted = {name for name in listed if (ROOT / name).is_file() and not name.startswith("nstlib/workshop")}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("nstlib/")}
    assert held == wanted


def test_it_paints_a_picture_from_another_folder(wheel, tmp_path):
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    call([*PIP, "install", "--no-deps", "--target", site, wheel])
    alone = {"cwd": elsewhere, "env": {**os.environ, "PYTHONPATH": str(site)}}

    code = "import nstlib as nst; print(nst.__file__, nst.samples.photograph(), nst.samples.styles()['ink'], sep='\\n')"
    package, photograph, style = call([sys.executable, "-c", code], **alone).splitlines()
    assert Path(package).is_relative_to(site) and Path(style).is_relative_to(site)

    settings = ["--size", "64", "--steps", "2"]
    call([site / "bin" / "nstlib", "image", photograph, style, "-o", "out.png", *settings], **alone)
    assert (elsewhere / "out.png").stat().st_size > 1000
