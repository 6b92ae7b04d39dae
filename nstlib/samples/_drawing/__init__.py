"""What draws the bundled samples: noise, scenery, the moving scene, brush strokes, mosaic, ink.

Nothing else of nstlib is imported here, so that this package lies on the floor below `samples`.
"""

FRAMES, FPS, SIZE = 60, 24, (360, 640)  # the clip's: how many, how many a second, (H, W)
