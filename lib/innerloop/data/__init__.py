"""Images on disk, their sources, splits and episodes."""
