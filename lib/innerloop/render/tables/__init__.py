"""One file a table: `tabulate(evidence) -> Tabulation`."""
