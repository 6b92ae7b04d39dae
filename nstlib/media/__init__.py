"""Pictures and clips at the door: the pixel contract, colours, reading and writing, files that are whole."""
