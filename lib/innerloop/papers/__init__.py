"""The papers' figures, tables, numbers and claims, and how claims are judged."""
