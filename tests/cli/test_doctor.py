"""`nstlib doctor` tells what the package runs on, also where TensorFlow cannot be loaded."""

import json
import subprocess

import pytest

from nstlib.cli import doctor
from nstlib.cli.main import main
from nstlib.media.limits import GraphicsCard

CARD = GraphicsCard("NVIDIA A", "550.1", 16e9, 8e9)
SEEN = {"tensorflow": "2.21.0", "cuda": "12.5.1", "devices": []}


@pytest.fixture
def told(monkeypatch):
    """Has TensorFlow, asked in a process of its own, say this."""

    def say(stdout, code=0, stderr=""):
        done = subprocess.CompletedProcess([], code, stdout, stderr)
        real = subprocess.run
        here = lambda call, **more: done if doctor.PROBE in call else real(call, **more)  # noqa: E731
        monkeypatch.setattr(doctor.subprocess, "run", here)

    return say


def test_the_report_is_whole_as_text_and_as_json(capsys):
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["packages"]["tensorflow"] and found["processor"]["precision"] in ("mixed", "float32")
    assert found["memory"][0]["free"] > 0 and found["ffmpeg"]["version"]
    assert found["weights"]["compact"].endswith("compact.npz") and found["picture"]["pixels"] == 64
    text = "\n".join(doctor._lines(found))
    for subject in ("nstlib", "Python", "packages", "processor", "GPU", "memory", "ffmpeg", "weights", "picture"):
        assert f"\n{subject:10} " in f"\n{text}"
    assert "2 steps: made in" in text


@pytest.mark.parametrize(
    ("stdout", "code", "stderr", "line"),
    [
        (
            "",
            -6,
            "x\nlibcudart.so: cannot open",
            "Python ended with -6 where TensorFlow was loaded: libcudart.so: cann",
        ),
        ("", -11, "", "Python ended with -11 where TensorFlow was loaded: nothing was said"),
        (
            '{"picture": {"error": "TensorFlow needs 1.2 GB"}}\n',
            0,
            "",
            "no picture can be made: TensorFlow needs 1.2 GB",
        ),
    ],
)
def test_where_tensorflow_is_broken_the_rest_is_told_and_then_the_error(told, capsys, stdout, code, stderr, line):
    told(stdout, code, stderr)
    assert main(["doctor"]) == 1
    printed = capsys.readouterr()
    assert "packages" in printed.out and "picture    none" in printed.out
    assert line in printed.err and len(printed.err.strip().splitlines()) == 1


def test_an_idle_gpu_is_said_with_the_reason_and_the_command(monkeypatch):
    monkeypatch.setattr(doctor, "_missing_libraries", lambda: [])
    install = "pip install 'tensorflow[and-cuda]==2.21.0'"
    assert doctor.idle([], {"gpu": SEEN}, {}) is None
    assert doctor.idle([CARD], {"gpu": SEEN | {"devices": ["NVIDIA A"]}}, {}) is None
    for hidden in ("", "-1"):
        why = doctor.idle([CARD], {"gpu": SEEN}, {"CUDA_VISIBLE_DEVICES": hidden})
        assert why == f"CUDA_VISIBLE_DEVICES={hidden!r} hides it; unset that"
    assert doctor.idle([CARD], {"gpu": SEEN | {"cuda": None}}, {}).endswith(f"built without CUDA; {install}")
    assert "CUDA 12.5.1, for which driver 550.1 may be too old" in doctor.idle([CARD], {"gpu": SEEN}, {})
    monkeypatch.setattr(doctor, "_missing_libraries", lambda: ["nvidia-cudnn-cu12", "nvidia-cublas-cu12"])
    assert doctor.idle([CARD], {"gpu": SEEN}, {}).endswith(f"(nvidia-cudnn-cu12 and 1 more); {install}")
    lines = "\n".join(doctor._gpu_lines({"cards": [CARD._asdict()], "devices": [], "idle": "why"}))
    assert lines == "GPU        NVIDIA A, 8.0 of 16.0 GB free, driver 550.1\n           idle: why"


def test_a_report_names_nobody(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "keras" / "models").mkdir(parents=True)
    (tmp_path / "keras" / "models" / doctor.VGG19).touch()
    assert doctor._weights()["vgg19"] == f"~/keras/models/{doctor.VGG19}"
    assert doctor._environment()["KERAS_HOME"] == "~/keras"
