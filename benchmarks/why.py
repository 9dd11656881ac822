"""Where two gradients differ: flops by opcode and the arrays that are kept, ours against JAX's, from the HLO text.

python -m benchmarks.why GRU            rows whose name contains a word
python -m benchmarks.why CNN --dump out/    also write both HLO modules to a directory
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from pathlib import Path

import jax

import catenary as ct
from benchmarks.flops import opcodes, work
from benchmarks.measure import compiled, human
from benchmarks.scenarios import gradient_scenarios

_ARRAY = re.compile(r"= (\w+\[[\d,]*\])\S* ([\w-]+)\(")


def arrays(text: str) -> Counter[str]:
    r"""Arrays that stand outside fusions, "f32[8,32] dot" → how many: candidates for temporaries.

    >>> arrays("%m (p: f32[2]) -> f32[2] {\n  ROOT %t = f32[2]{0} tanh(%p)\n}")
    Counter({'f32[2] tanh': 1})
    """
    found: Counter[str] = Counter()
    for body in re.split(r"\n(?=%|ENTRY)", text):
        if not body.lstrip("%").startswith(("fused", "wrapped", "horizontally", "parallel_fusion")):
            found.update(" ".join(match.groups()) for match in map(_ARRAY.search, body.splitlines()) if match)
    return found


def difference(title: str, ours: Counter[str], peer: Counter[str], least: float = 0) -> None:
    """Print the entries in which two counters differ by more than `least`, the largest first."""
    print(f"  {title}")
    for key in sorted(ours.keys() | peer.keys(), key=lambda key: -abs(ours[key] - peer[key])):
        if abs(ours[key] - peer[key]) > least:
            print(f"    {key:<40} {human(ours[key]):>10} {human(peer[key]):>10}")


def main() -> None:
    """Print the differences of each row asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="+", help="rows whose name contains one of these")
    parser.add_argument("--dump", type=Path, help="a directory for the HLO text")
    asked = parser.parse_args()
    for row in gradient_scenarios().values():
        if not any(word.lower() in row.name.lower() for word in asked.words):
            continue
        programs = [compiled(transform(row.fun), row.args) for transform in (ct.grad, jax.grad)]
        ours, peer = (program.as_text() for program in programs)
        print(f"{row.name}: ours, jax.grad")
        total = sum(work(peer).values())
        difference("flops by opcode, where they differ by more than 0.1 %", work(ours), work(peer), total / 1000)
        difference("instructions by opcode", opcodes(ours), opcodes(peer))
        difference("arrays outside fusions", arrays(ours), arrays(peer))
        print("  temporaries", *(human(program.memory_analysis().temp_size_in_bytes) for program in programs))
        if asked.dump:
            asked.dump.mkdir(parents=True, exist_ok=True)
            for name, text in (("ours", ours), ("jax", peer)):
                (asked.dump / f"{row.name.replace(' ', '_')}.{name}.hlo").write_text(text)


if __name__ == "__main__":
    main()
