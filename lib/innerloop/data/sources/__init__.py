"""Where images come from: one module per data set, all with one interface."""
