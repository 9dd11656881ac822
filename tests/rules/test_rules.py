"""A test row for each rule row: the derivative of every primitive against JAX and a numerical one, and completeness.

The test rows are `catenary.testing.EXAMPLES`: how to call each primitive, on which domain, with which dtypes.
"""

import jax
import jax.numpy as jnp
import pytest
from jax.extend.core import Primitive, primitives

import catenary as ct
from catenary._graph import trace
from catenary._local import build
from catenary._local.build import CONTROL
from catenary._rules import LINEAR, RULES, ZERO
from catenary.testing import EXAMPLES, check_rule

# Without a row of ours: the derivative of the one equation is the one that JAX registered for it.
FALLBACK = """bessel_i0e bessel_i1e cholesky clamp cumlogsumexp cummax cummin cumprod custom_jvp_call digamma eigh
    erf_inv householder_product igamma igammac lgamma linear_solve lu polygamma polynomial qr reduce_prod
    reduce_window_max reduce_window_min regularized_incomplete_beta rem scatter scatter_max scatter_min
    scatter_mul sort svd tile top_k tridiagonal_solve""".split()

# Inlined while tracing, or never seen in a traced program of arrays.
STRUCTURAL = "call closed_call jit custom_lin device_put stop_gradient copy name pjit".split()

# JAX gives no derivative either (or an error of its own): ours is its error.
UNDIFFERENTIABLE = """approx_top_k eig hessenberg igamma_grad_a nextafter population_count random_gamma reduce
    reduce_window schur select_and_scatter tridiagonal zeta argmax argmin""".split()

# Mutable references, tokens and collectives of shard_map: through JAX's rule, and tested where they are supported.
ELSEWHERE = """after_all all_gather all_to_all axis_index create_token empty2 get pmax pmin ppermute psum
    ragged_all_to_all swap sharding_constraint random_bits random_fold_in random_seed random_split
    rng_bit_generator rng_uniform threefry2x32 select_and_gather_add select_and_scatter_add""".split()


def names_of(table):
    return {p.name for p in table}


def public_primitives():
    return {name[:-2]: p for name, p in vars(primitives).items() if isinstance(p, Primitive)}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_rule_is_right(name):
    check_rule(name)


#: Functions with a rule of their author's: tests/transforms/test_custom.py.
OF_AUTHORS = {"call_hi_primitive", "recorded", "recorded_vjp"}


def test_every_rule_has_a_test_row():
    """A new row in a table of rules without an example here is an error."""
    tested = set(EXAMPLES)
    direct = [p for p, row in LINEAR.items() if row.operands is not None]  # others stand in tangent programs alone
    missing = names_of([*RULES, *direct, *CONTROL]) - tested - {"sharding_constraint"} - OF_AUTHORS
    assert not missing, f"add a row to catenary.testing.EXAMPLES for {sorted(missing)}"


def test_every_fallback_has_a_test_row():
    known = {p.name for name, p in public_primitives().items() if name in FALLBACK}
    assert not known - set(EXAMPLES) - {"householder_product"}  # which qr reaches by its own rule alone


def test_every_primitive_of_jax_is_known():
    """A primitive that JAX adds must be put into a table, or said to need none."""
    ours = {id(p) for p in (*RULES, *LINEAR, *CONTROL, *ZERO)}
    listed = {*FALLBACK, *STRUCTURAL, *UNDIFFERENTIABLE, *ELSEWHERE}
    unknown = [name for name, p in public_primitives().items() if id(p) not in ours and name not in listed]
    assert not unknown, f"no rule, no fallback, and not listed as without derivative: {sorted(unknown)}"


def rows_of(name):
    """The pieces that build the local derivatives of a primitive's examples, with the shapes of what they read."""
    for example in EXAMPLES[name]:
        args = example.args()
        traced = trace(example.fun, args)
        inputs = traced.graph.inputs
        local = build(traced.graph, inputs, traced.graph.outputs)
        for edge in local.edges:
            yield edge.piece, [local.graph.aval(atom) for atom in edge.reads]


EXPLICIT = sorted(names_of(RULES) & set(EXAMPLES))


@pytest.mark.parametrize("name", EXPLICIT)
def test_a_row_reads_what_it_declares_and_uses_all_of_it(name):
    """The core is called with the declared values and no others; a declared value is remembered, so it must be used."""
    for piece, avals in rows_of(name):
        row, used = piece.row, set()
        for part in (row.core, row.mask):
            if part is not None:
                used |= _used(part, avals)
        assert used == set(range(len(row.reads))), f"{name}: a core that reads {row.reads!r} uses {sorted(used)}"


def _used(part, avals):
    jaxpr = jax.make_jaxpr(part)(*(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in avals)).jaxpr
    read = {id(v) for eqn in jaxpr.eqns for v in eqn.invars} | {id(v) for v in jaxpr.outvars}
    return {k for k, v in enumerate(jaxpr.invars) if id(v) in read}


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16], ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", [n for n in EXPLICIT if n not in {"convert_element_type"}])
def test_the_dtype_of_a_derivative(name, dtype):
    """Cores are computed, and cotangents returned, in the dtypes that JAX uses."""
    example = EXAMPLES[name][0]
    args = example.args(dtype=dtype)
    try:
        out = jax.eval_shape(example.fun, *args)
        jax.eval_shape(jax.jacrev(example.fun, tuple(range(len(args)))), *args)
    except Exception:
        pytest.skip("JAX has no such dtype here")
    by = tuple(range(len(args)))
    if any(jnp.issubdtype(x.dtype, jnp.complexfloating) for x in jax.tree.leaves(out)):
        pytest.skip("complex")
    ours, theirs = (jax.eval_shape(d.jacrev(example.fun, by), *args) for d in (ct, jax))
    assert jax.tree.map(lambda x: (x.shape, x.dtype), ours) == jax.tree.map(lambda x: (x.shape, x.dtype), theirs)
