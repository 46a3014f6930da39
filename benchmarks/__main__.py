"""Our own comparison: `weakft benchmark` on the real data sets, its lines kept in results/, its tables in README.md and
the main ones on the repository's first page.

    python -m benchmarks                                   # the main methods, three seeds, all sets: what is not done yet
    python -m benchmarks --data youtube trec --seeds 0     # some of it
    python -m benchmarks --methods cosine cosine-hard      # see weakft benchmark --explain

Where there is a GPU its lines are kept in results/gpu, and make tables of their own; the first page's is the CPU's.

Data folders come from WEAKFT_DATA (default ../shared/data); `--data` names folders in it, or sets that are made of others
(`benchmarks.sets`).
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import front
from benchmarks.sets import folder
from weakft.benchmark import main as explain
from weakft.cli import parse
from weakft.cli import run as run_cli
from weakft.comparison import summary
from weakft.comparison.cells import Line, current, read_lines
from weakft.comparison.run import CELLS, run_comparison
from weakft.comparison.worth import named, worth
from weakft.config import BenchmarkConfig
from weakft.display import TerminalProgress
from weakft.errors import UserError

HERE = Path(__file__).parent
RESULTS, README = HERE / "results", HERE / "README.md"
ON_GPU = RESULTS / "gpu"
SETS = tuple(front.SETS)
FRONT = "<!-- generated: figures -->\n"
BEGIN, END = "<!-- generated: tables -->\n", "<!-- end -->"


def render(readme: str, lines: list[Line], on_gpu: list[Line]) -> str:
    """The README with its tables made anew from the lines, and from those of runs on a GPU."""
    tables = _tables(lines)
    if on_gpu:
        cards = sorted({line["device"] for line in on_gpu if line.get("device")})
        tables += f"\n### On a GPU ({', '.join(cards)})\n\n" + _tables(on_gpu)
    return between(readme, BEGIN, tables, END)


def lines_in(folder: Path) -> list[Line]:
    """The lines of a folder that count, in the order of the sets."""
    order = {name: i for i, name in enumerate(SETS)}
    lines = current(read_lines(folder / CELLS), [])
    return sorted(lines, key=lambda line: order.get(line["data"], len(SETS)))


def _tables(lines: list[Line]) -> str:
    return summary.markdown(lines) + "\n" + rules_worth(lines)


def render_front(readme: str, lines: list[Line]) -> str:
    """The repository's first page with its table made anew."""
    return between(readme, FRONT, front.table(lines), END)


def rules_worth(lines: list[Line]) -> str:
    """Where weakft meets fine-tuning on N gold labels, a row a data set that has runs of both; Markdown, "" without any."""
    out = [
        "**What the rules are worth** (`weakft worth`): gold labels that give fine-tuning weakft's accuracy, with the 95 % "
        "interval of a bootstrap over test texts and seeds (the spread between seeds is not in that of what has one)",
        "",
        "| data | weakft | gold labels tried | worth | 95 % interval | validation labels read | these alone "
        "| seeds of weakft | seeds of each number |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    head = len(out)
    for data in dict.fromkeys(line["data"] for line in lines):
        try:
            found = worth(lines, data)
        except UserError:
            continue
        tried = ", ".join(map(str, found.counts))
        smallest, *_, largest = found.counts
        labels, low, high = (named(n, smallest, largest) for n in (found.labels, found.low, found.high))
        alone = "–" if found.alone is None else f"{found.alone:.3f}"
        out.append(
            f"| {data} | {found.accuracy:.3f} | {tried} | {labels} | {low} to {high} | {found.gold_used} | {alone} "
            f"| {found.seeds} | {found.curve_seeds} |"
        )
    return "\n".join(out) + "\n" if len(out) > head else ""


def between(readme: str, begin: str, content: str, end: str) -> str:
    """The README with ``content`` in place of what stands between two marks."""
    before, rest = readme.split(begin)
    return before + begin + "\n" + content + "\n" + end + rest.split(end, 1)[1]


def main(args: list[str]) -> None:
    """Run what is missing and make the tables anew."""
    config = parse(BenchmarkConfig, args, "python -m benchmarks")
    if config.explain:
        explain(["--explain"])
        return
    if config.output != BenchmarkConfig.model_fields["output"].default:
        raise UserError("--output: lines go to benchmarks/results; `weakft benchmark` writes elsewhere.")
    folders = [str(folder(name)) for name in config.data or SETS]
    import torch

    results = ON_GPU if torch.cuda.is_available() else RESULTS
    config = config.model_copy(update={"data": folders, "output": str(results)})
    with TerminalProgress() as bars:
        run_comparison(config, bars)
    write_pages()
    print(f"Wrote {README} and {front.README}.")


def write_pages() -> None:
    """Make the tables of both pages, and the summaries beside the lines, anew from these."""
    lines, on_gpu = lines_in(RESULTS), lines_in(ON_GPU)
    summary.write(lines, RESULTS)
    summary.write(on_gpu, ON_GPU)
    README.write_text(render(README.read_text(encoding="utf-8"), lines, on_gpu), encoding="utf-8")
    front.README.write_text(render_front(front.README.read_text(encoding="utf-8"), lines), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(run_cli(main))
