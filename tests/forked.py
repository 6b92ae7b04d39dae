"""Programs in processes of their own, forked from one that has imported TensorFlow, which takes seconds each time."""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

PRELOADED = ["nstlib.cli.main", "nstlib.engines.frames", "nstlib.scale.sweeps", "nstlib.studio", "nstlib.video.film"]
forks = multiprocessing.get_context("forkserver")  # its server has no thread yet, which a fork would lose
forks.set_forkserver_preload(PRELOADED)


def run(program: str, *arguments: object) -> subprocess.CompletedProcess:
    """As `subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)`."""
    with tempfile.TemporaryDirectory() as folder:
        texts = [Path(folder, name) for name in ("stdout", "stderr")]
        process = forks.Process(target=_run, args=(program, ["-c", *map(str, arguments)], *texts))
        process.start()
        process.join()
        code = process.exitcode
        process.close()
        return subprocess.CompletedProcess(program, code, *(text.read_text() for text in texts))


def _run(program: str, argv: list[str], stdout: Path, stderr: Path) -> None:
    for path, descriptor in ((stdout, 1), (stderr, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = argv
    exec(compile(program, "-c", "exec"), {"__name__": "__main__"})
