"""`doctor`: what the package runs on, as a report of a fault needs it; and a small picture, to see whether it does.

TensorFlow is asked in a process of its own: what is wrong may well be that it cannot be loaded.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import NstlibError
from ..media import limits

PACKAGES = ("tensorflow", "keras", "tensorflow-hub", "numpy", "opencv-python-headless", "pillow", "av", "imageio")
PACKAGES += ("imageio-ffmpeg", "matplotlib", "ipywidgets", "jupyterlab", "psutil")
EXTRAS = ("pillow-heif", "dask", "distributed", "voila")
RIVALS = ("tensorflow-cpu", "tensorflow-macos", "tf-nightly", "opencv-python", "opencv-contrib-python")  # of ours
VARIABLES = ("CUDA_VISIBLE_DEVICES", "KERAS_HOME", "KERAS_BACKEND", "TFHUB_CACHE_DIR", "IMAGEIO_FFMPEG_EXE")
VARIABLES += ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_FORCE_GPU_ALLOW_GROWTH", "TF_XLA_FLAGS", "LD_PRELOAD")
VARIABLES += ("SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU", "SLURM_CPUS_ON_NODE", "PYTHONPATH")
VGG19 = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
PATIENCE = 300  # s, for TensorFlow's start and the picture


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """doctor [--json]"""
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def doctor_command(given: argparse.Namespace) -> None:
    """Print what the package runs on. Raises NstlibError, after it, where no picture can be made."""
    found = examined()
    print(json.dumps(found, indent=2) if given.json else "\n".join(_lines(found)))
    if "error" in found["picture"]:
        raise NstlibError(f"no picture can be made: {found['picture']['error']}")


def examined() -> dict[str, Any]:
    """What the package runs on, by subject, for JSON."""
    told = _tensorflow()
    cards = limits.cards()
    return {
        "nstlib": {"version": __version__, "folder": _short(Path(__file__).parents[1])},
        "python": {"version": platform.python_version(), "program": _short(sys.executable)},
        "system": {"name": platform.platform(), "environment": _environment()},
        "packages": dict(_versions((*PACKAGES, *EXTRAS, *RIVALS))),
        "processor": {"name": _processor(), "cores": os.cpu_count()} | told.get("processor", {}),
        "gpu": {"cards": [card._asdict() for card in cards], **told.get("gpu", {}), "idle": idle(cards, told)},
        "memory": [limit._asdict() for limit in limits.limits()],
        "ffmpeg": _ffmpeg(),
        "weights": _weights(),
        "picture": told["picture"],
    }


def idle(
    cards: list[limits.GraphicsCard], told: Mapping[str, Any], environment: Mapping[str, str] = os.environ
) -> str | None:
    """Why TensorFlow does not compute on a card that is there, and what to do; None where it does, or none is there."""
    gpu = told.get("gpu")
    if not cards or gpu is None or gpu["devices"]:
        return None
    hidden = environment.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and (hidden.strip() in ("", "NoDevFiles") or hidden.strip().startswith("-")):
        return f"CUDA_VISIBLE_DEVICES={hidden!r} hides it; unset that"
    if platform.system() == "Windows":
        return "TensorFlow computes on no GPU under Windows; use WSL 2, and there pip install 'tensorflow[and-cuda]'"
    version = gpu["tensorflow"]
    install = f"pip install 'tensorflow[and-cuda]=={version}'"
    if not gpu["cuda"]:
        return f"this TensorFlow is built without CUDA; {install}"
    missing = _missing_libraries()
    if missing:
        return f"CUDA's libraries are not installed ({missing[0]} and {len(missing) - 1} more); {install}"
    built = f"TensorFlow {version} is built for CUDA {gpu['cuda']}"
    return f"{built}, for which driver {cards[0].driver} may be too old; update the driver"


def _missing_libraries() -> list[str]:
    """The packages of TensorFlow's extra and-cuda that are not installed."""
    try:
        wanted = [line for line in metadata.requires("tensorflow") or () if "and-cuda" in line]
    except metadata.PackageNotFoundError:
        return []
    names = [re.match(r"[\w.-]+", line)[0] for line in wanted]
    installed = dict(_versions(names))
    return [name for name in names if name not in installed]


# Run in a process of its own; it prints JSON last.
PROBE = """
import json, sys
from time import perf_counter
found = {}
try:
    import nstlib.core
    import numpy as np
    import tensorflow as tf
    from nstlib.core.run import Run
    from nstlib.core.speed import arithmetic, memory
    from nstlib.settings import Settings

    about = tf.sysconfig.get_build_info()
    cuda = about.get("cuda_version") if tf.test.is_built_with_cuda() else None
    devices = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(d).get("device_name", d.name) for d in devices]
    found["gpu"] = {"tensorflow": tf.__version__, "cuda": cuda, "devices": names}
    settings = arithmetic.resolved(Settings())
    found["processor"] = {"bfloat16": arithmetic.has_bfloat16(), "precision": settings.precision}
    began = perf_counter()
    picture = np.random.default_rng(0).random((64, 64, 3), np.float32)
    run = Run(picture, picture[::-1], Settings(size=64, steps=2))
    run.finish()
    found["picture"] = {"pixels": 64, "seconds": round(perf_counter() - began, 2)}
except Exception as error:
    kind = type(error).__name__
    found["picture"] = {"error": str(error) if kind == "NstlibError" else f"{kind}: {error}"}
print(json.dumps(found))
"""


def _tensorflow() -> dict[str, Any]:
    """What TensorFlow says of itself, and what became of a small picture."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        call = [sys.executable, "-c", PROBE]
        done = subprocess.run(call, capture_output=True, text=True, timeout=PATIENCE, env=environment, check=False)
        return json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"picture": {"error": f"TensorFlow said nothing for {PATIENCE} s"}}
    except (OSError, ValueError, IndexError):
        last = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        return {"picture": {"error": f"Python ended with {done.returncode} where TensorFlow was loaded: {last}"}}


def _versions(names: tuple[str, ...] | list[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue


def _processor() -> str:
    """The processor's name, of Linux's list where there is one."""
    cpu = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*:\s*(.+)", cpu.read_text()) if cpu.is_file() else None
    return named[1] if named else platform.processor() or platform.machine()


def _environment() -> dict[str, str]:
    return {name: _short(os.environ[name]) for name in VARIABLES if name in os.environ}


def _ffmpeg() -> dict[str, str]:
    try:
        import imageio_ffmpeg

        program = imageio_ffmpeg.get_ffmpeg_exe()
        return {"version": imageio_ffmpeg.get_ffmpeg_version(), "program": _short(program)}
    except Exception as error:  # it is missing, or cannot be run
        return {"error": f"{type(error).__name__}: {error}"}


def _weights() -> dict[str, str | None]:
    """Where the networks' weights lie; None for those that would have to be downloaded."""
    ours = Path(__file__).parents[1] / "networks" / "weights"
    keras = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models" / VGG19
    hub = Path(os.environ.get("TFHUB_CACHE_DIR") or Path(tempfile.gettempdir(), "tfhub_modules"))
    modules = [path for path in hub.glob("*") if path.is_dir()] if hub.is_dir() else []
    return {
        "compact": _there(ours / "compact.npz"),
        "instant": _there(ours / "instant" / "saved_model.pb"),
        "vgg19": _there(keras),
        "TF-Hub": f"{len(modules)} modules in {_short(hub)}" if modules else None,
    }


def _there(path: Path) -> str | None:
    return _short(path) if path.is_file() else None


def _short(path: str | Path) -> str:
    """The path with ~ for the home folder, so that a report tells nobody's name."""
    home = str(Path.home())
    return str(path).replace(home, "~") if len(home) > 1 else str(path)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    """The report as text, a subject a line or several."""
    yield _line("nstlib", f"{found['nstlib']['version']}, {found['nstlib']['folder']}")
    yield _line("Python", f"{found['python']['version']}, {found['python']['program']}")
    yield _line("system", found["system"]["name"])
    for name, value in found["system"]["environment"].items():
        yield _line("", f"{name}={value}")
    yield from _wrapped("packages", [f"{name} {version}" for name, version in found["packages"].items()])
    rivals = [name for name in RIVALS if name in found["packages"]]
    if rivals:
        yield _line("", f"{', '.join(rivals)}: beside ours; one of the two is used, and it may be the wrong one")

    processor = found["processor"]
    yield _line("processor", f"{processor['name']}, {processor['cores']} cores")
    if "precision" in processor:
        has = "has" if processor["bfloat16"] else "has no"
        yield _line("", f"{has} products of bfloat16: precision=auto means {processor['precision']}")
    yield from _gpu_lines(found["gpu"])
    for place, limit in enumerate(found["memory"]):
        holds = ", which holds first" if place == 0 and len(found["memory"]) > 1 else ""
        yield _line("" if place else "memory", f"{limit['free'] / 1e9:.1f} GB left: {limit['name']}{holds}")
    ffmpeg = found["ffmpeg"]
    yield _line("ffmpeg", ffmpeg.get("error") or f"{ffmpeg['version']}, {ffmpeg['program']}")
    for place, (name, path) in enumerate(found["weights"].items()):
        yield _line("" if place else "weights", f"{name}: {path or 'not here; downloaded when it is first asked for'}")
    picture = found["picture"]
    yield _line("picture", "none" if "error" in picture else f"64 x 64 pixels, 2 steps: made in {picture['seconds']} s")


def _gpu_lines(gpu: dict[str, Any]) -> Iterator[str]:
    if not gpu["cards"] and not gpu.get("devices"):
        yield _line("GPU", "none that nvidia-smi or TensorFlow tells of")
    for place, card in enumerate(gpu["cards"]):
        free = f"{card['free'] / 1e9:.1f} of {card['total'] / 1e9:.1f} GB free"
        yield _line("" if place else "GPU", f"{card['name']}, {free}, driver {card['driver']}")
    if gpu.get("devices"):
        yield _line("" if gpu["cards"] else "GPU", f"TensorFlow computes on {gpu['devices'][0]}")
    elif gpu["idle"]:
        yield _line("", f"idle: {gpu['idle']}")


def _line(subject: str, text: str) -> str:
    return f"{subject:10} {text}".rstrip()


def _wrapped(subject: str, parts: list[str], width: int = 100) -> Iterator[str]:
    """The parts with commas, in as many lines as they need."""
    line = ""
    for part in parts:
        if line and len(line) + len(part) > width:
            yield _line(subject, line)
            subject, line = "", ""
        line += ", " * bool(line) + part
    yield _line(subject, line)
