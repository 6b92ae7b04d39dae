"""A clip in, a clip out: flow, cuts, consistency, work in progress, and the film that joins them."""
