"""Generate the gallery's pages beside this file: `python -m docs.gallery`."""

import jax

from .outcome import ours
from .page import FOLDER, index, page
from .programs import gallery

if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    pages = {family: page(family, entries, [ours(e) for e in entries]) for family, entries in gallery().items()}
    for family, text in pages.items():
        (FOLDER / f"{family}.md").write_text(text)
    (FOLDER / "README.md").write_text(index(pages))
