"""Primitives whose derivative is zero wherever there is one."""

from __future__ import annotations

from catenary import _jax

ZERO = {
    _jax.primitive(name)
    for name in (
        "and argmax argmin axis_index ceil clz create_token empty2 eq eq_to floor ge gt iota is_finite le le_to lt "
        "lt_to ne not or population_count random_bits random_fold_in random_seed random_split reduce_and "
        "reduce_or "
        "reduce_xor rng_bit_generator rng_uniform round shift_left shift_right_arithmetic shift_right_logical "
        "stop_gradient threefry2x32 xor dim_as_value after_all bitcast_convert_type"
    ).split()
} - {None}
