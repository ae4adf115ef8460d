"""Networks: ordinary modules, as functions of parameters with a leading task axis."""
