"""From graph and plan to JAX code: recipes run on arrays, implicit maps, loops."""
