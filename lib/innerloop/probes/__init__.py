"""Probes: measurements on trained models of what adaptation changes, one file each."""
