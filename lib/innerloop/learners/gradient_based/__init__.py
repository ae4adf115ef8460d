"""MAML and its kin: the inner loop is gradient descent by a method."""
