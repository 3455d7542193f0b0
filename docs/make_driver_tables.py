"""Write the tables of docs/reference/drivers.md: what drivers there are, and what the contract kit finds of each.

    python docs/make_driver_tables.py [--kit FINDINGS.jsonl]

Without `--kit` only the first is written: it comes from the settings models alone. The kit takes about half an hour, most
of it over real ports; what it finds is appended to the file, and what stands there already is not run again.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from autolab.lab.driver_kit import TRANSPORTS, Finding, check_driver, tried
from autolab.lab.plugins import names, settings_model
from autolab.spec.lab import component_roles, role_of

PAGE = Path(__file__).parent / "reference" / "drivers.md"
PAGES = Path(__file__).parent / "reference" / "instruments"


def drivers_table() -> list[str]:
    """Return the table of drivers, from their settings."""
    rows = ["| key | instruments | role | on hardware | checked with |", "|---|---|---|---|---|"]
    for key in names("drivers"):
        model = settings_model(key)
        if not model.__module__.startswith("autolab."):
            continue
        page = PAGES / f"{key.partition('.')[0]}.md"
        name = f"[`{key}`](instruments/{page.name})" if page.exists() else f"`{key}`"
        parts = ", ".join(f"{part}: {role}" for part, role in component_roles(key).items())
        role = ", ".join(one for one in (role_of(key), parts) if one)
        checked = ", ".join(model.checked_with) or "nobody's yet"
        rows.append(f"| {name} | {model.instruments} | {role} | {model.on_hardware or '**never**'} | {checked} |")
    return rows


def memory_list() -> list[str]:
    """Return what rests on memory alone, driver by driver."""
    told = ((key, settings_model(key)) for key in names("drivers"))
    return [
        f"- `{key}`: {'; '.join(model.from_memory)}"
        for key, model in told
        if model.from_memory and model.__module__.startswith("autolab.")
    ]


def kit_table(findings: dict[str, list[Finding]]) -> list[str]:
    """Return the table of what the kit found: checks that hold of those that were run."""
    rows = ["| key | " + " | ".join(TRANSPORTS) + " |", "|---|" + "---|" * len(TRANSPORTS)]
    for key, found in findings.items():
        cells = []
        for over in TRANSPORTS:
            of = [one for one in found if one.transport == over]
            broken = [one.check.replace("_", " ") for one in of if one.trouble]
            cells.append(f"{len(of) - len(broken)} of {len(of)}" + (f": not {', '.join(broken)}" if broken else ""))
        rows.append(f"| `{key}` | " + " | ".join(cells) + " |")
    return rows


def run_kit(path: Path) -> dict[str, list[Finding]]:
    """Run what the file does not hold yet, and return what it holds then."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    told = [json.loads(line) for line in lines]
    done = {(one["driver"], one["transport"]) for one in told}
    for key, over in [(key, over) for key in tried() for over in TRANSPORTS]:
        if (key, over) not in done:
            sys.stderr.write(f"{key} over {over}\n")
            found = [{"driver": key, **asdict(finding)} for finding in check_driver(key, over=[over])]
            told += found
            with path.open("a", encoding="utf-8") as file:
                file.writelines(f"{json.dumps(one)}\n" for one in found)
    findings: dict[str, list[Finding]] = {key: [] for key in tried()}
    for one in told:
        key = one.pop("driver")
        findings.setdefault(key, []).append(Finding(**one))
    return findings


def replaced(text: str, name: str, lines: Iterable[str]) -> str:
    """Return the page with what stands between a pair of markers replaced."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    body = "\n".join([begin, *lines, end])
    return pattern.sub(lambda _: body, text)


def main() -> None:
    """Write the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kit", type=Path)
    chosen = parser.parse_args()
    text = replaced(PAGE.read_text(encoding="utf-8"), "drivers", drivers_table())
    text = replaced(text, "memory", memory_list())
    if chosen.kit is not None:
        text = replaced(text, "kit", kit_table(run_kit(chosen.kit)))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
