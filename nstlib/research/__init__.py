"""For papers and figures: metrics, plots, the experiments of the papers, weights converted between conventions."""
