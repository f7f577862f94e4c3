"""`python -m moa_cli.published` writes what pages have from the code and from results/, and says what is stale."""

from __future__ import annotations

from moa_cli.console import say
from moa_cli.published.results import PAGES, ROOT, filled, read_recorded, stale
from moa_cli.published.sources import pages


def main() -> None:
    """Writes all, and removes the schemas of documents that are no more."""
    recorded = read_recorded()
    texts = pages() | {ROOT / page: filled((ROOT / page).read_text(encoding="utf-8"), recorded) for page in PAGES}
    for path in {*(ROOT / "docs" / "schema").glob("*.json")} - {*texts}:
        path.unlink()
    for path, text in texts.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            say(f"wrote {path.relative_to(ROOT)}")
    for line in stale(recorded):
        say(f"stale: {line}")


if __name__ == "__main__":
    main()
