"""The programs of the gallery, a file a family: each holds a title and its entries."""

from importlib import import_module

from ..entry import Entry

FAMILIES = (
    "forms", "inverses", "determinants", "regression", "robust", "jacobians", "networks", "normalisation", "attention",
    "convolution", "recurrence", "factorisation", "kernels", "filters", "mixtures", "eigenvalues",
)  # fmt: skip


def gallery() -> dict[str, list[Entry]]:
    """All entries, by family."""
    return {family: import_module(f"{__name__}.{family}").ENTRIES for family in FAMILIES}


def title(family: str) -> str:
    """The title of a family's page: the first line of its file, without the full stop."""
    doc = import_module(f"{__name__}.{family}").__doc__ or family
    return doc.splitlines()[0].rstrip(".")
