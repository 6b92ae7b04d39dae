"""What comes from outside is data: nothing of it is run, and it stays where it was put."""

import ast
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

import nstlib
from nstlib.errors import NstlibError
from nstlib.media import clips, encoders, ffmpeg
from nstlib.networks import compact

ROOT = Path(nstlib.__file__).resolve().parents[1]
SOURCES = [path for path in (ROOT / "nstlib").rglob("*.py") if "training" not in path.parts]


def calls(path):
    """(what is called, its keywords) for each call in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}


def test_nothing_is_unpickled_evaluated_or_given_to_a_shell():
    seen = [(path.name, name, words) for path in SOURCES for name, words in calls(path)]
    assert len(seen) > 1000
    for where, name, words in seen:
        assert name not in ("eval", "exec", "os.system", "os.popen"), where
        assert name.split(".")[0] not in ("pickle", "dill", "joblib", "marshal", "shelve", "yaml"), where
        assert words.get("shell", "False") == "False", where
        assert name != "np.load" or words.get("allow_pickle") == "False", where


def test_weights_that_hold_python_objects_are_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    np.savez(tmp_path / "trap.npz", **{"conv11/kernel": np.array([Trap()], object)})
    with pytest.raises(NstlibError, match=r"trap\.npz is no \.npz file of compact's weights"):
        compact.load(tmp_path / "trap.npz")
    assert not (tmp_path / "sprung").exists()


def member(name, *, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, 3 if kind == tarfile.REGTYPE else 0
    return info


@pytest.mark.parametrize(
    "members",
    [
        [member("../out")],
        [member("a/../../out")],
        [member("a", kind=tarfile.SYMTYPE, link="/{outside}"), member("a/out")],
        [member("a", kind=tarfile.SYMTYPE, link=".."), member("a/out")],
        [member("a", kind=tarfile.LNKTYPE, link="../secret")],
        [member("a", kind=tarfile.FIFOTYPE)],
        [member("a", kind=tarfile.CHRTYPE)],
    ],
)
def test_an_archive_stays_in_its_folder_and_makes_no_link(tmp_path, members):
    from nstlib.engines import hub

    (tmp_path / "secret").write_text("mine")
    (tmp_path / "inside").mkdir()
    with tarfile.open(tmp_path / "module.tar.gz", "w:gz") as tar:
        for one in members:
            one.name, one.linkname = (text.replace("/{outside}", str(tmp_path)) for text in (one.name, one.linkname))
            tar.addfile(one, io.BytesIO(b"..."))
    with pytest.raises(NstlibError, match=r"module\.tar\.gz cannot be unpacked"):
        hub._unpack(tmp_path / "module.tar.gz", tmp_path / "inside")
    assert not any((tmp_path / "inside").iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside", "module.tar.gz", "secret"]


def test_an_absolute_name_lands_inside(tmp_path):
    from nstlib.engines import hub

    with tarfile.open(tmp_path / "module.tar", "w") as tar:
        tar.addfile(member(f"{tmp_path}/out"), io.BytesIO(b"..."))
    (tmp_path / "inside").mkdir()
    hub._unpack(tmp_path / "module.tar", tmp_path / "inside")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside", "module.tar"]


def test_an_archive_without_end_is_refused_before_it_fills_the_disk(tmp_path, monkeypatch):
    from nstlib.engines import hub

    monkeypatch.setattr(hub, "MOST_BYTES", 5)
    with tarfile.open(tmp_path / "module.tar", "w") as tar:
        for name in ("a", "b"):
            tar.addfile(member(name), io.BytesIO(b"..."))
    (tmp_path / "inside").mkdir()
    with pytest.raises(NstlibError, match="b is too large"):
        hub._unpack(tmp_path / "module.tar", tmp_path / "inside")


NAMES = ["-i", "--y.mp4", "concat:a|b", "http://x/y.mp4", "pipe:0", "data:,x", "%d.mp4"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_never_becomes_an_option_or_a_protocol(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NstlibError, match="no such clip"):
        clips.probe(name)


def test_ffmpeg_is_told_no_name_of_the_users(tmp_path, monkeypatch):
    called, process = [], ffmpeg.subprocess.Popen
    monkeypatch.setattr(ffmpeg.subprocess, "Popen", lambda call, **more: called.append(call) or process(call, **more))
    for suffix in (".mp4", ".gif", ".webp"):
        path = tmp_path / f"-my %d own{suffix}"
        clips.write_frames(path, [np.zeros((4, 4, 3)), np.ones((4, 4, 3))], fps=10)
        assert clips.probe(path).frames == 2
    assert called and not any("own" in part or str(tmp_path) in part for call in called for part in call)


PLAYLISTS = {
    "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{0}\n#EXT-X-ENDLIST\n",
    "b.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n",
    "a.ffconcat": "ffconcat version 1.0\nfile secret.mp4\n",
    "a.txt": "ffconcat version 1.0\nfile '{0}'\n",
    "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "a.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
    '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{0}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_opens_no_other_file(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clips.write_frames(tmp_path / "secret.mp4", [np.zeros((16, 16, 3))] * 3, fps=10)
    (tmp_path / name).write_text(PLAYLISTS[name].format(tmp_path / "secret.mp4"))
    for renamed in (name, "disguised.mp4"):
        (tmp_path / name).rename(tmp_path / renamed)
        name = renamed
        with pytest.raises(NstlibError, match="no video that can be read|is a playlist|no picture in a known code"):
            clips.probe(tmp_path / name)


def test_a_missing_ffmpeg_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"x")
    for path in (tmp_path / "none", tmp_path / "a.mp4"):
        monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(path))
        with pytest.raises(NstlibError, match=r"ffmpeg cannot be started: .*; install imageio-ffmpeg"):
            clips.write_frames(tmp_path / "b.mp4", [np.zeros((4, 4, 3))], fps=10)
        with pytest.raises(NstlibError, match="ffmpeg cannot be started"):
            encoders.check_encodable(tmp_path / "b.webm")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_killed_ffmpeg_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    children, process = [], ffmpeg.subprocess.Popen

    def start(*arguments, **more):
        children.append(process(*arguments, **more))
        return children[-1]

    def frames(count):
        for number in range(count):
            if number == 20:
                children[-1].kill()
            yield np.random.default_rng(number).random((128, 128, 3), np.float32)

    monkeypatch.setattr(ffmpeg.subprocess, "Popen", start)
    with pytest.raises(NstlibError, match=r"cannot write .*ended by signal 9"):
        clips.write_frames(tmp_path / "a.mp4", frames(60), fps=10)
    assert not any(tmp_path.iterdir())


def test_servers_listen_on_this_machine_alone_and_ask_for_their_token():
    (lab,) = [
        line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("\t") and "jupyter lab" in line
    ]
    app = (ROOT / "nstlib" / "studio" / "app.py").read_text()
    assert "ip=127.0.0.1" in lab and '"ip": "127.0.0.1"' in app and '"auto_token": True' in app
    assert not any(word in text for text in (lab, app) for word in ("0.0.0.0", ".token=", "password="))
