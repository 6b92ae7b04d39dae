"""The method, read first: features, losses, model, optimisers, styles, and the run that joins them.

`speed/` holds what is there for speed or memory alone, and can be skipped; L-BFGS, the default optimiser, is in it.
"""

from .speed.startup import load_tensorflow

load_tensorflow()
