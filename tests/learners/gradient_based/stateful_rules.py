"""Rules of a user that have a state, know their step, or look at their layer's conv weight."""

import torch

from innerloop.learners.gradient_based.update_rules.rule import update_rule


@update_rule("conv_weight", "conv_bias", "norm", "head", init=torch.zeros_like)
def momentum(weight, gradient, step_size, state, *, decay=0.9):
    velocity = decay * state + gradient
    return weight - step_size * velocity, velocity


@update_rule("conv_weight", "head", init=lambda w: (torch.zeros_like(w), torch.zeros_like(w)))
def adam(weight, gradient, step_size, state, step, *, slow=0.9, fast=0.99):
    mean = slow * state[0] + (1 - slow) * gradient
    square = fast * state[1] + (1 - fast) * gradient**2
    length = (square / (1 - fast ** (step + 1)) + 1e-6).sqrt()
    return weight - step_size * mean / (1 - slow ** (step + 1)) / length, (mean, square)


@update_rule("head")
def decayed(weight, gradient, step_size, step):
    return weight - step_size / (1 + step) * gradient


@update_rule("conv_weight", init=lambda weight: weight.new_zeros(()))
def by_length(weight, gradient, step_size, state):
    """Divide by the length of all gradients so far, in which tasks must not mix."""
    length = state + gradient.norm()
    return weight - step_size * gradient / length, length
