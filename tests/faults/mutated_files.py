"""Damages data files at random and checks that no check dies of one, or is green on one.

`python tests/faults/mutated_files.py 500 [SEED]` prints what came of them. The ruleset passes on
exactly the rows of the undamaged file, so a file may only pass when it can still be read as those.
"""

from __future__ import annotations

import csv
import io
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 400
RULES = """Rules = [
    RowCount = 400, ColumnCount = 6, SchemaMatch "original" = 1.0,
    DatasetMatch "original" "id" = 1.0, IsComplete "id", IsUnique "id", Mean "amount" > 0,
    ColumnValues "country" in ["DE", "FR", "IT"], ColumnLength "note" > 0
]"""
TOGETHER = 100
CUT = "cut"


def table(seed: int) -> pa.Table:
    """Rows of several types, some of them NULL."""
    dice = random.Random(seed)
    words = ["alpha", "beta", "gamma", "delta", "epsilon"]
    rows = range(ROWS)
    return pa.table(
        {
            "id": pa.array(rows, pa.int64()),
            "amount": pa.array([round(dice.uniform(1, 1e6), 2) for _ in rows], pa.float64()),
            "country": pa.array([dice.choice(["DE", "FR", "IT"]) for _ in rows]),
            "day": pa.array([date(2026, 1, 1) + timedelta(days=n % 90) for n in rows]),
            "ok": pa.array([None if n % 11 == 0 else dice.random() < 0.5 for n in rows]),
            "note": pa.array([f"{dice.choice(words)} {dice.choice(words)} {n}" for n in rows]),
        }
    )


def originals(folder: Path, seed: int) -> dict[str, Path]:
    """The undamaged files: one of each format, and Parquet in several forms."""
    data = table(seed)
    forms = {
        "snappy": {"compression": "snappy"},
        "plain": {"compression": "none", "use_dictionary": False, "row_group_size": 100},
        "zstd": {"compression": "zstd", "data_page_version": "2.0", "row_group_size": 150},
    }
    found = {form: folder / f"{form}.parquet" for form in forms}
    for form, options in forms.items():
        pq.write_table(data, found[form], **options)
    rows = [{name: _text(value) for name, value in row.items()} for row in data.to_pylist()]
    found["csv"] = folder / "table.csv"
    with found["csv"].open("w", newline="") as file:
        writer = csv.DictWriter(file, data.column_names)
        writer.writeheader()
        writer.writerows(rows)
    found["json"] = folder / "table.jsonl"
    lines = [json.dumps(row, default=str) for row in data.to_pylist()]
    found["json"].write_text("\n".join(lines) + "\n")
    return found


def _text(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def damage(content: bytes, dice: random.Random) -> tuple[str, bytes]:
    """Damage a file in one of the ways that disks, networks and people do."""
    changed = bytearray(content)
    # The end of a Parquet file says where everything is.
    late = dice.random() < 0.4
    place = dice.randrange(max(0, len(changed) - 1500) if late else 0, len(changed))
    length = dice.choice([1, 4, 16, 200])
    kind = dice.choice(["bit", "bit", "bits", "zeros", CUT, "lost", "twice", "noise"])
    if kind == "bit":
        changed[place] ^= 1 << dice.randrange(8)
    elif kind == "bits":
        for _ in range(12):
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    elif kind == "zeros":
        end = min(place + length, len(changed))
        changed[place:end] = bytes(end - place)
    elif kind == CUT:
        del changed[max(place, 1) :]
    elif kind == "lost":
        del changed[place : place + length]
    elif kind == "twice":
        changed[place:place] = changed[place : place + length]
    else:
        changed[place : place + length] = dice.randbytes(min(length, len(changed) - place))
    return kind, bytes(changed)


def same_rows(original: Path, damaged: Path) -> bool:
    """Tell whether somebody else reads the original rows in a damaged file.

    Arrow refuses some footers for what has nothing to do with the rows; then plain DuckDB is asked.
    """
    for rows in (_rows, _plain_rows):
        try:
            return rows(original) == rows(damaged)
        except Exception:  # noqa: BLE001 -- whatever a reader says of it
            continue
    return False


def _rows(path: Path) -> object:
    if path.suffix == ".parquet":
        return pq.ParquetFile(path).read().to_pylist()
    text = path.read_bytes().decode()
    if path.suffix == ".csv":
        return list(csv.reader(io.StringIO(text), strict=True))
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _plain_rows(path: Path) -> object:
    if path.suffix != ".parquet":
        raise ValueError(path)
    return duckdb.read_parquet(str(path)).fetchall()


def must_be_error(original: Path, damaged: bytes, kind: str) -> bool:
    """Tell whether the file is broken beyond any reading of it."""
    if kind != CUT:
        return False
    if original.suffix == ".parquet":
        return True
    last = damaged.splitlines()[-1] if damaged else b""
    if original.suffix == ".csv":
        return damaged.count(b"\n") > 0 and 0 < last.count(b",") < 5
    return not last.endswith(b"}")


def torture(folder: Path, count: int, seed: int) -> Counter[str]:
    """Check `count` damaged files.

    Raises:
        AssertionError: A check died, said what is not JSON, or was green on what it misread.
    """
    dice = random.Random(seed)
    (folder / "rules.dqdl").write_text(RULES)
    happened: Counter[str] = Counter()
    whole = list(originals(folder, seed).values())
    for number, original in enumerate(whole):
        share = count // len(whole) + (number < count % len(whole))
        damaged = {}
        for position in range(share):
            kind, content = damage(original.read_bytes(), dice)
            path = folder / f"{original.stem}-{position}-{kind}{original.suffix}"
            path.write_bytes(content)
            damaged[path] = kind
        paths = list(damaged)
        for start in range(0, len(paths), TOGETHER):
            some = paths[start : start + TOGETHER]
            for path, result in zip(some, check(original, some)[1:], strict=True):
                happened[judge(original, path, damaged[path], result)] += 1
    return happened


def check(original: Path, damaged: list[Path]) -> list[dict]:
    """Check the original and some damaged files in one command; the results, in this order."""
    command = [sys.executable, "-m", "mlops_cli", "quality", "check", "rules.dqdl", original.name]
    command += [path.name for path in damaged]
    command += ["--dataset", f"original={original.name}", "--json", "--quiet"]
    done = subprocess.run(
        command, cwd=original.parent, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode in (0, 1, 3), (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    results = json.loads(done.stdout)["results"]
    assert verdict(results[0]) == "PASS", results[0]
    return results


def verdict(result: dict) -> str:
    """What came of one file."""
    if result.get("Error"):
        return "engine died" if "the engine died" in result["Error"]["Message"] else "ERROR"
    found = {rule["Result"] for rule in result["RuleResults"]}
    return next(one for one in ("FAIL", "ERROR", "PASS") if one in found)


def judge(original: Path, damaged: Path, kind: str, result: dict) -> str:
    """Give what came of a damaged file, if it may have come of it.

    Raises:
        AssertionError: It may not.
    """
    found = verdict(result)
    if found == "PASS":
        assert same_rows(original, damaged), f"{damaged} is green"
        return "PASS: the rows are whole"
    if must_be_error(original, damaged.read_bytes(), kind):
        assert found in ("ERROR", "engine died"), f"{damaged} is {found}"
    return found


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    chosen = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    with tempfile.TemporaryDirectory(prefix="mlops-mutated-") as work:
        tally = dict(torture(Path(work), wanted, chosen))
    print(f"damaged files × {wanted} (seed {chosen}): {tally}")  # noqa: T201 -- a script
