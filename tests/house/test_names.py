"""One word, one thing: modules, public classes and public functions share a name only where it means the same."""

import ast
from collections import defaultdict
from pathlib import Path

import nstlib

PACKAGE = Path(nstlib.__file__).parent

# Names that stand in several places and mean one thing there.
SAME = {
    "checksum": "SHA-256, of whatever is given",
    "load": "from a file: a picture, or a network's numbers",
    "save": "to a file",
    "write": "to a file",
    "encode": "a picture in another form: a file's bytes, a network's features",
    "clip": "the bundled one, and any",
    "frame": "of the bundled clip, and of any",
    "styles": "the bundled ones, and a run's",
    "features": "what a network answers: how they are had, and those of compact",
    "statistics": "what is kept of a style's features, by each style loss and by instant",
    "content_loss": "the plain one, and that which a style loss brings with it",
    "reflected": "the same padding, with a gradient of its own",
    "square_root": "of a covariance matrix, in TensorFlow and in Keras",
    "knob": "a setting's, in the table and on the panel",
    "snapshot": "what makes one, and its class",
    "pixels": "a picture's, as the optimiser moves them and as a page shows them",
}
CONTRACTS = ("core.style_losses.", "networks.")  # modules that answer to the same functions


def named():
    """{name: where it stands}: modules as a.b, classes and functions as a.b:name."""
    found = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not parts or parts[0] == "workshop" or any(part.startswith("_") for part in parts):
            continue
        module = ".".join(parts)
        found[parts[-1].lower()].add(module)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                found[node.name.lower()].add(f"{module}:{node.name}")
    return found


def things(places):
    """The places without modules named for what they hold, and each contract counted once."""
    holds = {a for a in places for b in places if ":" not in a and b.startswith((f"{a}:", f"{a}."))}
    return {next((c for c in CONTRACTS if place.startswith(c)), place) for place in places - holds}


def test_a_name_means_one_thing():
    shared = {name: sorted(places) for name, places in named().items() if len(things(places)) > 1}
    assert {name: places for name, places in shared.items() if name not in SAME} == {}
    assert set(SAME) <= set(shared), f"no longer shared: {set(SAME) - set(shared)}"
