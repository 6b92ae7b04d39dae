"""Past one picture on one machine: sweeps, and films by several workers, on any executor or on Dask."""
