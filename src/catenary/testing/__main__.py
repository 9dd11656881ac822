"""``python -m catenary.testing fuzz``: random programs until the time is up."""

from typing import Annotated

import jax
import typer
from rich.console import Console

from ._fuzz import fuzz

app = typer.Typer(add_completion=False)


@app.callback()
def commands() -> None:
    """Checks that take their time."""


@app.command("fuzz")
def fuzz_command(
    minutes: Annotated[float, typer.Option(help="how long")] = 10,
    seed: Annotated[int, typer.Option(help="of the first program; the next ones count up")] = 0,
) -> None:
    """Compare everything that must agree on random programs; exit code 1 where something does not."""
    jax.config.update("jax_enable_x64", True)
    console = Console()
    with console.status("") as status:
        found = fuzz(minutes, seed, lambda tried, bad: status.update(f"{tried:,} programs, {bad} failed"))
        tried = str(status.status)
    for finding in found:
        console.print(str(finding), markup=False, highlight=False, soft_wrap=True)
    console.print(tried)
    raise typer.Exit(bool(found))


if __name__ == "__main__":
    app()
