"""Update rules: how one tensor of one task moves, given its gradient and step size."""
