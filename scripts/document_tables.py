"""Tables of documents that come from committed results. A document has a table between the lines `<!-- table: NAME -->` and `<!-- end -->`."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- table: (\S+) -->\n).*?(\n?<!-- end -->)", re.DOTALL)


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(row) + " |" for row in rows)])


def renew(script, tables, documents):
    """Compares the tables of the documents with what `tables` ({name: function}) makes; with --write, writes them. Returns the exit status."""
    stale = []
    for path in documents:
        text = path.read_text(encoding="utf-8")
        new = BLOCK.sub(lambda match: match.group(1) + tables[match.group(2)]() + "\n<!-- end -->", text)
        if new != text and "--write" in sys.argv[1:]:
            path.write_text(new, encoding="utf-8")
        elif new != text:
            stale.append(path)
    for path in stale:
        print(f"{path.relative_to(ROOT)}: a table differs from the result files; run scripts/{script} --write")
    return 1 if stale else 0
