"""The whole of catenary in under a minute: derive, plan, train, and what the order of multiplication is worth.

catenary demo        writes out/demo.png and out/demo.txt
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import chain
import jax
import jax.numpy as jnp
import logistic
import perceptron
import softmax
from digits import load
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import catenary as ct
from catenary._report import Curves, demo_figure
from catenary._signature import arguments

LOSSES = {
    "Logistic regression": logistic.J,
    "Softmax regression": softmax.loss,
    "Perceptron of three layers": perceptron.loss,
}
EPOCHS = 40
PLANNED = (4, 8, 16, 32, 64, 128, 256, 512, 1024)  # widths at which the chain's cost is planned …
COMPILED = (16, 64, 256)  # … and compiled, so that XLA counts it
ORDERS = ("forward", "reverse", "auto")


class Stage:
    """What the demo prints to: a console that is recorded, with bars that are not."""

    def __init__(self) -> None:
        self.console = Console(record=True, highlight=False, soft_wrap=True)

    def title(self, text: str) -> None:
        self.console.print(f"\n[bold]{text}[/bold]")

    def say(self, text: Any) -> None:
        self.console.print(str(text), markup=False)

    def bar(self, total: int, text: str) -> tuple[Progress, Any]:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        terminal = Console(stderr=True)
        progress = Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal)
        return progress, progress.add_task(text, total=total)


def derive(stage: Stage) -> str:
    """Print the formula of each loss; the LaTeX of the first one."""
    latex = ""
    for name, loss in LOSSES.items():
        stage.title(f"{name}: the gradient, derived from its code")
        derivation = ct.derive(loss)
        stage.say(derivation)
        latex = latex or derivation.latex()
    stage.title("The chain f_N ∘ … ∘ f_1 with one θ")
    stage.say(ct.derive(chain.network, *chain.point(8)))
    return latex


def plan(stage: Stage) -> None:
    """Print the plan of each loss, costs as formulas in the names of its sizes."""
    for name, loss in LOSSES.items():
        stage.title(f"{name}: the plan")
        stage.say(ct.plan(loss, *arguments(loss)))


def train(stage: Stage) -> dict[str, list[float]]:
    """Test accuracy by epoch, with our gradient and with JAX's."""
    stage.title("The perceptron, trained on 1,437 digits and tested on 360 others")
    digits, accuracy = load(), {}
    for name, transform in (("ct.grad", ct.grad), ("jax.grad", jax.grad)):
        progress, task = stage.bar(EPOCHS, f"{name}, {EPOCHS} epochs")
        accuracy[name] = []
        with progress:
            for value in perceptron.train(transform(perceptron.loss), digits, EPOCHS):
                accuracy[name].append(value)
                progress.update(task, advance=1, description=f"{name}, test accuracy {value:.2%}")
        stage.say(f"  {name:<9} test accuracy {accuracy[name][-1]:.2%} after {EPOCHS} epochs")
    return accuracy


def costs(stage: Stage, title: str, fun: Callable[..., Any], shapes: Callable[[int], list[tuple[int, ...]]]) -> Curves:
    """Cost of each order of a chain at several widths, as planned and as XLA counts it."""
    stage.title(f"{title}: flops of each order")
    planned: dict[str, list[float]] = {order: [] for order in ORDERS}
    counted: dict[str, dict[int, float]] = {order: {} for order in ORDERS}
    progress, task = stage.bar(len(ORDERS) * (len(PLANNED) + len(COMPILED)), title)
    with progress:
        for width in PLANNED:
            args = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes(width)]
            for order in ORDERS:
                planned[order].append(float(ct.plan(fun, *args, order=order, cost="flops").cost))
                if width in COMPILED:
                    program = jax.jit(ct.jacobian(fun, order=order)).lower(*args).compile()
                    counted[order][width] = program.cost_analysis()["flops"]
                progress.update(task, advance=2 if width in COMPILED else 1)
    stage.say("  width D  " + "".join(f"{order:>12}" for order in ORDERS))
    for i, width in enumerate(PLANNED):
        stage.say(f"  {width:>7,}  " + "".join(f"{planned[order][i]:>12,.3g}" for order in ORDERS))
    return Curves(title, PLANNED, planned, counted)


def run(out: Path) -> None:
    """The demo; figure and text go to the directory `out`."""
    out.mkdir(parents=True, exist_ok=True)
    stage = Stage()
    latex = derive(stage)
    plan(stage)
    accuracy = train(stage)
    panels = [
        costs(stage, "A chain with one number at its end", chain.loss, lambda D: [(D,)] + 4 * [(D, D)]),
        costs(
            stage, "An hourglass, D – D – 4 – D – D", chain.hourglass, lambda D: [(D,), (D, D), (4, D), (D, 4), (D, D)]
        ),
    ]
    demo_figure(out / "demo.png", latex, accuracy, panels)
    stage.say(f"\nWritten: {out / 'demo.png'} and {out / 'demo.txt'}")
    stage.console.save_text(str(out / "demo.txt"))


if __name__ == "__main__":
    run(Path("out"))
