"""Plain gradient descent (MAML; P2 eq. 1), and Meta-SGD where the step size is a tensor (eq. 3)."""

from __future__ import annotations

from innerloop.inner_loop.update_rules.rule import UpdateRule

#: No role has a rule of its own: every parameter takes the plain step.
sgd = UpdateRule(lambda weight, gradient, step_size: weight - step_size * gradient, roles=())
