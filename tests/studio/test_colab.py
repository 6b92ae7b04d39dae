"""On Colab, the studio has its widgets shown; elsewhere nothing is asked for."""

import importlib
import sys
from types import ModuleType

import nstlib.studio


def test_colab_is_told_once_to_show_widgets(monkeypatch):
    asked = []
    google, colab, output = (ModuleType(name) for name in ("google", "google.colab", "google.colab.output"))
    output.enable_custom_widget_manager = lambda: asked.append(True)
    colab.output, google.colab = output, colab
    for module in (google, colab, output):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    importlib.reload(nstlib.studio)
    assert asked == [True]
