"""Networks: ordinary modules, made functions of parameters with a leading task axis."""
