"""A user's update rule: takes the norm of one tensor, knowing nothing of other tasks."""

from innerloop.learners.gradient_based.update_rules.rule import update_rule


@update_rule("conv_weight", "head")
def norm_step(weight, gradient, step_size, *, power=1.0):
    return weight - step_size * weight.norm() ** power * gradient / (1 + gradient.norm())


def plain_function(weight, gradient, step_size):
    return weight - step_size * gradient / gradient.norm()
