"""MAML and its relatives: learners whose inner loop is gradient descent."""
