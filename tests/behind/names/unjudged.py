"""Names that nobody has judged yet: in names.tsv and not in judged.tsv. Says so, and ends with 1.

    python3 -B tests/behind/names/unjudged.py
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent


def first_column(file: str) -> dict[str, str]:
    """The names of a table, by their folded spelling."""
    lines = (HERE / file).read_text().splitlines()
    names = [line.split("\t")[0] for line in lines if line and not line.startswith("#")]
    return {name.lower().replace("_", "-"): name for name in names}


if __name__ == "__main__":
    judged = first_column("judged.tsv")
    missing = [name for folded, name in first_column("names.tsv").items() if folded not in judged]
    print("\n".join(missing) if missing else "every name is judged")
    sys.exit(1 if missing else 0)
