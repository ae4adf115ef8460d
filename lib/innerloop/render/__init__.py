"""Figures, LaTeX tables and the report, drawn from aggregated measurements only."""
