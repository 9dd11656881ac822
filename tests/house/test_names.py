"""Every public name says what it is and shows an example that runs (pytest runs them: --doctest-modules)."""

import importlib.util
import inspect
import types

import pytest

PUBLIC_MODULES = ("catenary", "catenary.testing", "catenary.extend", "catenary.errors")


def defined(module: types.ModuleType) -> set[str]:
    """The names without an underscore that a module itself defines."""
    here = module.__name__
    return {n for n, thing in vars(module).items() if n[0] != "_" and getattr(thing, "__module__", None) == here}


def public(module: types.ModuleType) -> dict[str, object]:
    """The names that a module enumerates in __all__, or else defines."""
    return {name: getattr(module, name) for name in getattr(module, "__all__", sorted(defined(module)))}


def missing(name: str, thing: object) -> str | None:
    """What a public name lacks: a docstring, or an example in it. Constants and type aliases need neither."""
    if isinstance(thing, types.ModuleType) or not callable(thing):
        return None
    doc = inspect.getdoc(thing)
    if not doc:
        return f"{name} has no docstring"
    if isinstance(thing, type) and issubclass(thing, Exception):
        return None  # an error's example is the test that raises it
    return None if ">>> " in doc else f"{name} shows no example (>>>)"


def present() -> list[str]:
    return [name for name in PUBLIC_MODULES if importlib.util.find_spec(name) is not None]


@pytest.mark.parametrize("name", present())
def test_public_names_are_documented(name):
    found = [lack for each, thing in public(importlib.import_module(name)).items() if (lack := missing(each, thing))]
    assert not found, f"{name}: {found}"


@pytest.mark.parametrize("name", present())
def test_all_is_complete(name):
    """What a module defines without an underscore is public, and __all__ holds no private name."""
    module = importlib.import_module(name)
    listed = set(public(module))
    assert not [each for each in listed if each.startswith("_") and each != "__version__"]
    extra = defined(module) - listed
    assert not extra, f"{name}: list {sorted(extra)} in __all__, or give them an underscore"


def test_an_undocumented_name_is_caught():
    def bare(x):
        return x

    def told(x):
        """Twice x."""

    def shown(x):
        """Twice x.

        >>> shown(2)
        4
        """

    assert [missing("f", f) for f in (bare, told)] == ["f has no docstring", "f shows no example (>>>)"]
    assert missing("f", shown) is None
