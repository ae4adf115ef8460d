"""The engine for Conv4 with BatchNorm, with hand-written derivatives."""
