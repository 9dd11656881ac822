"""catenary: the calculus of compositions on JAX. Derive, plan and compute derivatives of your own program."""

from catenary._transforms import grad, hessian, jacfwd, jacobian, jacrev, jvp, linearize, plan, value_and_grad, vjp

__all__ = [
    "grad",
    "hessian",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "plan",
    "value_and_grad",
    "vjp",
]
