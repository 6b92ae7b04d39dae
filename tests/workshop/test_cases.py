"""The command that compares the inputs of ../shared/cases with what is right."""

import pytest
from PIL import Image

from nstlib.workshop import cases


def test_a_missing_folder_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cases, "FOLDER", tmp_path / "none")
    assert cases.main() == 0 and capsys.readouterr().out.startswith("skipped: there is no folder")


def test_what_is_wrong_missing_or_broken_is_a_row_and_counts(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cases, "FOLDER", tmp_path)
    monkeypatch.setattr(cases, "CASES", {name: cases.CASES[name] for name in ("p3.png", "hlg.mov", "a.webp")})
    Image.new("RGB", (128, 96), (180, 60, 50)).save(tmp_path / "p3.png")
    (tmp_path / "hlg.mov").write_text("no video")
    assert cases.main() == 1
    out = capsys.readouterr().out
    assert out.endswith("5 wrong\n") and "NstlibError" in out and "is missing" in out


@pytest.mark.skipif(not cases.FOLDER.is_dir(), reason=f"no {cases.FOLDER}")
@pytest.mark.parametrize("name", cases.CASES)
def test_every_case_is_right(name):
    assert [row for row in cases.rows(cases.FOLDER / name) if not row.right] == []
