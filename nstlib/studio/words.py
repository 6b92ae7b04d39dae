"""The panel's words, written once: what a button, a term of the loss, a setting is called, and when it is taken up."""

TERMS = {"total": "total", "content": "content", "style": "style", "total_variation": "total variation"}
LABELS = {
    "init": "start from",
    "tv_weight": TERMS["total_variation"],
    "preserve_color": "keep colours",
    "optimizer": "optimiser",
    "style_blend": "shares of the styles",
    "style_layer_weights": "weights of the layers",
}
STEERS = "taken up at once"
ANEW = "taken up by a new start"
START, GO_ON, START_ANEW = "Start", "Go on", "Start anew"
# What Start is called in each state of the worker, unless something waits for a new start.
STARTS = {"idle": START, "busy": "Starting", "running": "Running", "paused": GO_ON, "done": GO_ON}
KEEP = "Keep"


def label(name: str) -> str:
    """A setting's name as the panel has it: `style_weight` -> style."""
    return LABELS.get(name, name.removesuffix("_weight").replace("_", " "))


def waits(names: list[str]) -> str:
    """What is said of settings that wait for a new start."""
    which = ", ".join(map(label, names))
    verb = "wait" if len(names) > 1 or (which.endswith("s") and not which.endswith("ss")) else "waits"
    return f"{which} {verb} for a new start: press {START_ANEW}" if names else ""
