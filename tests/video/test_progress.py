"""Work in progress has one owner, loses nothing that is finished, and believes nothing that is torn."""

import os
import subprocess
import sys

import numpy as np
import pytest

from nstlib.errors import NstlibError
from nstlib.media import clips
from nstlib.video.progress import LOG, RECIPE, Store

OWNER = """
import sys
from pathlib import Path
from nstlib.video.progress import Store
store = Store(Path(sys.argv[1]), {"a": 1})
store.finish({"pass": 0, "frame": 0, "cut": True})
print("ready", flush=True)
sys.stdin.read()
"""
FORK = """import os, time
told, tells = os.pipe()
if os.fork() == 0:
    os.write(tells, b".")
    time.sleep(3)
    os._exit(0)
os.read(told, 1)
"""
ENTRY = {"pass": 0, "frame": 0, "cut": True}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out.mp4.work"


@pytest.fixture
def owner(folder):
    call = [sys.executable, "-c", OWNER, str(folder)]
    with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_a_second_process_refuses_until_the_first_is_dead(folder, owner):
    for fresh in (False, True):
        with pytest.raises(NstlibError, match="is being written by another run; wait"):
            Store(folder, {"a": 1}, fresh=fresh)
    owner.kill()
    owner.wait()
    assert Store(folder, {"a": 1}).log == [ENTRY]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_that_outlives_its_killed_parent_holds_nothing(folder):
    forking = OWNER.replace("print(", FORK + "print(")  # ready once the child has let go of what it was forked with
    with subprocess.Popen(
        [sys.executable, "-c", forking, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout.readline() == "ready\n"
        parent.kill()
    assert Store(folder, {"a": 1}).log == [ENTRY]


def test_two_writers_of_one_clip_are_not_mixed(tmp_path):
    frame = np.zeros((16, 16, 3), np.float32)
    call = [
        sys.executable,
        "-c",
        OWNER.replace("store.finish", "#").replace("Store(", "lock(").replace(', {"a": 1})', ")"),
    ]
    call[2] = call[2].replace("from nstlib.video.progress import Store", "from nstlib.media.locks import Lock as lock")
    (tmp_path / ".out.mp4.part").mkdir()
    with subprocess.Popen(
        [*call, str(tmp_path / ".out.mp4.part")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        with pytest.raises(NstlibError, match="/out.mp4 is being written by another run"):
            clips.write_frames(tmp_path / "out.mp4", [frame], fps=10)
        process.kill()
    clips.write_frames(tmp_path / "out.mp4", [frame], fps=10)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_in_one_process_the_later_run_goes_on(folder):
    first = Store(folder, {"a": 1})
    first.finish(ENTRY)
    second = Store(folder, {"a": 1})
    second.finish({**ENTRY, "frame": 1})
    with pytest.raises(NstlibError, match="taken over by a later run"):
        first.finish({**ENTRY, "frame": 1})
    assert Store(folder, {"a": 1}).log == [ENTRY, {**ENTRY, "frame": 1}]


@pytest.mark.parametrize("kept", range(1, 12))
def test_a_torn_line_is_done_again(folder, kept):
    store = Store(folder, {"a": 1})
    store.finish(ENTRY)
    whole = (folder / LOG).read_bytes()
    (folder / LOG).write_bytes(whole + whole[:kept])
    again = Store(folder, {"a": 1})
    assert again.log == [ENTRY]
    again.finish({**ENTRY, "frame": 1})
    assert (folder / LOG).read_text().count("\n") == 2 == len(Store(folder, {"a": 1}).log)


@pytest.mark.parametrize("name", [LOG, RECIPE])
@pytest.mark.parametrize("content", [b"{]\n", b"[1]\n", b"\xff\n", b"3\n", b"[" * 100_000 + b"\n"])
def test_what_is_damaged_is_said(folder, name, content):
    Store(folder, {"a": 1}).finish(ENTRY)
    (folder / name).write_bytes(content)
    with pytest.raises(NstlibError, match=f"{name} is damaged; start afresh with --fresh"):
        Store(folder, {"a": 1})
    assert Store(folder, {"a": 1}, fresh=True).log == []


def test_a_line_costs_no_more_than_itself(folder):
    store = Store(folder, {"a": 1})
    store.finish(ENTRY)
    before = (folder / LOG).stat()
    store.finish(ENTRY)
    after = (folder / LOG).stat()
    assert after.st_ino == before.st_ino and after.st_size == 2 * before.st_size


def test_a_folder_of_something_else_is_left_alone(folder):
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    for fresh in (False, True):
        with pytest.raises(NstlibError, match="holds something else"):
            Store(folder, {"a": 1}, fresh=fresh)
    assert [file.name for file in folder.iterdir()] == ["thesis.txt"]


def test_what_a_kill_left_half_written_goes(folder):
    folder.mkdir()
    (folder / ".recipe-x.json").write_text("{")
    Store(folder, {"a": 1})
    assert sorted(file.name for file in folder.iterdir()) == ["lock", RECIPE]


def test_a_full_disk_finishes_nothing(folder, monkeypatch):
    store = Store(folder, {"a": 1})
    (folder / LOG).symlink_to("/dev/full")
    with pytest.raises(NstlibError, match="No space left"):
        store.finish(ENTRY)
    assert store.log == []
