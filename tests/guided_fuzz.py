"""A fuzzer that looks for inputs which reach new code (atheris, libFuzzer): each must end in a data set or a `UserError`.

    python tests/guided_fuzz.py .csv CORPUS -max_total_time=60

Targets: the formats of files (.csv, .parquet, ...), wrench, options. CORPUS is a folder that keeps what reached new code;
further arguments are libFuzzer's. Ends with another exit code than 0, and leaves the input behind, where one ends otherwise.
`test_guided_fuzz.py` runs each target for some seconds.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["weakft", "json", "yaml", "tomllib"]):
    from test_fuzz import ends_well, is_whole, whole_file

    from weakft.cli import parse
    from weakft.config import TrainConfig
    from weakft.data.formats import FORMATS
    from weakft.data.readers import Streamed, read_splits, read_table
    from weakft.data.tables import Columns

SEEDS = [
    {"text": ['a, "b"', "two\nlines", "ü🎉"], "label": ["x", "y", "x"], "id": [3, 4, 5]},
    {"sentence1": ["a", "b"], "sentence2": ["c", "d"], "label": ["x", "y"]},
    {"tokens": [["a", "b"], ["c"]], "labels": [["O", "B-x"], ["O"]]},
]
WRENCH = (
    b'{"0": "no", "1": "yes"}\x00{"0": {"data": {"text": "a"}, "label": 1, "weak_labels": [1, -1]}, '
    b'"1": {"data": {"text": "b"}, "label": 0, "weak_labels": [0, 1]}}\x00["f", "g"]'
)

WORDS = ["text", "label", "labels", "id", "tokens", "sentence1", "sentence2", "data", "weak_labels", "entity1", "span1"]
WORDS += [  # as libFuzzer's dictionaries have them: a backslash begins an escape
    "-1",
    "null",
    "true",
    "NaN",
    "1e999",
    "[[]]",
    "{}",
    "[SEP]",
    "\\\\ud800",
    "\\x00",
    "---",
    "!!python/name:",
    "[a]",
]


def file_of(extension: str, folder: Path):
    path = folder / f"data{extension}"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        for columns in (Columns(), Columns(label_names=["x", "y"])):
            is_whole(ends_well(lambda columns=columns: read_table(path, columns)))
        if extension == ".parquet":
            is_whole(ends_well(lambda: Streamed(path, Columns(label_names=["x", "y"]))))

    return read


def wrench(folder: Path):
    def read(content: bytes) -> None:
        for name, part in zip(("label", "train", "lfs"), content.split(b"\x00", 2), strict=False):
            (folder / f"{name}.json").write_bytes(part)
        splits = ends_well(lambda: read_splits(folder, Columns()))
        if splits is not None:
            is_whole(splits.train)

    return read


def options(folder: Path):
    def read(content: bytes) -> None:
        for extension in ("yaml", "toml"):
            file = folder / f"options.{extension}"
            file.write_bytes(content)
            ends_well(lambda file=file: parse(TrainConfig, ["--config", str(file)], "weakft train"))

    return read


def seeds(target: str, folder: Path) -> list[bytes]:
    if target in FORMATS:
        kept = SEEDS if target not in (".csv", ".tsv") else SEEDS[:2]
        return [whole_file(folder / f"seed{target}", rows) for rows in kept]
    return [WRENCH] if target == "wrench" else [b"epochs: 2\nmodel: minilm\n", b'epochs = 2\nmodel = "minilm"\n']


def main() -> None:
    target, corpus, *rest = sys.argv[1:]
    for i, content in enumerate(seeds(target, Path(corpus))):
        (Path(corpus) / f"seed-{i}").write_bytes(content)
    folder = Path(tempfile.mkdtemp())
    (folder / "words").write_text("".join(f'"{word}"\n' for word in WORDS), "utf-8")
    read = file_of(target, folder) if target in FORMATS else {"wrench": wrench, "options": options}[target](folder)
    atheris.Setup([sys.argv[0], corpus, f"-dict={folder / 'words'}", *rest], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
