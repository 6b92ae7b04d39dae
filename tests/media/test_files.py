"""Files that are missing, and folders to write to: the line says what is to be done."""

import os

import pytest

from nstlib.errors import NstlibError
from nstlib.media import files


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("whirls", r"did you mean .*whirls\.jpg\?"),
        ("whrils.jpg", r"did you mean .*whirls\.jpg\?"),
        ("night.png", ".* has none with a name like it"),
        ("none/whirls.jpg", "there is no folder .*none"),
    ],
)
def test_what_is_missing_is_told_with_what_may_be_meant(given, hint, tmp_path):
    (tmp_path / "whirls.jpg").touch()
    with pytest.raises(NstlibError, match=f"no such painting: .*{given}; {hint}"):
        raise files.missing(tmp_path / given, "painting")


def test_a_folder_is_made_with_those_above_it_or_told_in_one_line(tmp_path, monkeypatch):
    assert files.make_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(NstlibError, match="file cannot be made: File exists; choose another output"):
        files.make_folder(tmp_path / "file")
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(NstlibError, match="a cannot be written; choose another output"):
        files.make_folder(tmp_path / "a")
