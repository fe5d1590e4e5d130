#!/usr/bin/env python3
"""Writes the command's manual page and bash completion from the output of `--help`.

    command_pages.py SYNFIN [--man FILE] [--completion FILE]

SYNFIN is the command. The script runs it with --help, alone and after each subcommand.
"""

import argparse
import dataclasses
import datetime
import os
import pathlib
import re
import subprocess

OPTION = re.compile(r"^  (-\S+)(?: (\S+))?(?:  +(.*))?$")
CHOICES = re.compile(r"^([\w-]+(?:, [\w-]+)* or [\w-]+)(?:[;:,. (]|$)")


@dataclasses.dataclass
class Option:
    names: list[str]
    value: str  # the placeholder of its value in --help; empty for a flag
    help: str

    def choices(self) -> list[str]:
        """The allowed words, if the placeholder or the help text lists them."""
        if re.fullmatch(r"[a-z0-9]+(\|[a-z0-9]+)+", self.value):
            return self.value.split("|")
        match = CHOICES.match(self.help)
        return re.split(r", | or ", match[1]) if match and self.value else []

    def takes_file(self) -> bool:
        return self.value in ("FILE", "PATH", "DIR") or self.value.startswith("FILE")


@dataclasses.dataclass
class Page:
    """The parsed output of one `--help`."""

    summary: str = ""
    usage: str = ""
    positionals: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    options: list[Option] = dataclasses.field(default_factory=list)
    subcommands: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    closing: list[str] = dataclasses.field(default_factory=list)
    examples: list[str] = dataclasses.field(default_factory=list)


def help_of(synfin: str, *subcommand: str) -> Page:
    text = subprocess.run([synfin, *subcommand, "--help"], check=True, capture_output=True, text=True).stdout
    page, section = Page(), "head"
    for line in text.splitlines():
        if line.startswith("Usage: "):
            page.usage = line.removeprefix("Usage: ").removeprefix("synfin ").strip()
        elif line in ("Options:", "Subcommands:", "Positionals:", "Examples:"):
            section = line[:-1]
        elif not line.strip():
            continue
        elif section == "head":
            page.summary = line.strip()
        elif section == "Options" and (match := OPTION.match(line)):
            page.options.append(Option(match[1].split(","), match[2] or "", match[3] or ""))
        elif section == "Options" and line.startswith("      "):
            page.options[-1].help = f"{page.options[-1].help} {line.strip()}".strip()
        elif section in ("Subcommands", "Positionals") and line.startswith("  "):
            name, _, what = line.strip().partition("  ")
            (page.subcommands if section == "Subcommands" else page.positionals).append((name.strip(), what.strip()))
        elif section == "Examples" and line.startswith("  "):
            page.examples.append(line.strip())
        else:
            page.closing.append(line.strip())
    return page


def roff(text: str) -> str:
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    return r"\&" + text if text.startswith((".", "\\(aq")) else text


def man_page(version: str, date: str, top: Page, pages: dict[str, Page]) -> str:
    lines = [f'.TH SYNFIN 1 "{date}" "synfin {version}" "User Commands"', ".SH NAME",
             r"synfin \- TCP endpoint, server and load generator that bypasses the kernel",
             ".SH SYNOPSIS", ".B synfin", roff(top.usage), ".SH DESCRIPTION", roff(top.summary)]
    for line in top.closing:
        lines += [".PP", roff(line)]

    def options(page: Page) -> None:
        for name, what in page.positionals:
            lines.extend([".TP", rf"\fI{roff(name)}\fR", roff(what)])
        for option in page.options:
            names = ", ".join(rf"\fB{roff(name)}\fR" for name in option.names)
            value = rf" \fI{roff(option.value)}\fR" if option.value else ""
            lines.extend([".TP", names + value, roff(option.help)])

    lines.append(".SH OPTIONS")
    options(top)
    for name, page in pages.items():
        lines += [f".SH SYNFIN {name.upper()}", roff(page.summary[:1].upper() + page.summary[1:]) + ".", ".PP", ".B synfin",
                  roff(page.usage)]
        options(page)
        if page.examples:
            lines += [".PP", "Examples:", ".PP", ".nf", ".RS 4"]
            lines += [roff(example) for example in page.examples]
            lines += [".RE", ".fi"]
    lines.append(".SH EXIT STATUS")
    for status, meaning in ((0, "Done."), (1, "It failed at run time."), (2, "Wrong usage or configuration."),
                            (3, "The run ended but is not valid, or a criterion failed.")):
        lines += [".TP", f"{status}", meaning]
    lines += [".SH FILES", ".TP", r"\fI/run/synfin/\fR", "Control sockets and locks of running instances.",
              ".TP", r"\fI/usr/share/doc/synfin/examples/\fR", "Configuration files to start from."]
    return "\n".join(lines) + "\n"


def completion(top: Page, pages: dict[str, Page]) -> str:
    def case(subcommand: str, page: Page) -> str:
        words = " ".join(name for option in page.options for name in option.names)
        rows = []
        for option in page.options:
            pattern = " | ".join(option.names)
            if option.choices():
                rows.append(f"                {pattern}) COMPREPLY=($(compgen -W \"{' '.join(option.choices())}\" -- \"$cur\")); return ;;")
            elif option.takes_file():
                rows.append(f"                {pattern}) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;")
            elif option.value == "DEV":
                rows.append(f"                {pattern}) compopt -o nospace; COMPREPLY=($(compgen -W "
                            f"\"pci: af_xdp: af_packet: tap: memif: vhost: virtio-user: vdev:\" -- \"$cur\")); return ;;")
            elif option.value:
                rows.append(f"                {pattern}) return ;;")
        files = "            [[ $cur == -* ]] || COMPREPLY=($(compgen -f -- \"$cur\"))\n" if any(
            name.startswith("FILE") for name, _ in page.positionals) else ""
        return (f"        {subcommand})\n            case $prev in\n" + "\n".join(rows) + "\n            esac\n"
                + f"            [[ $cur != -* ]] || COMPREPLY=($(compgen -W \"{words}\" -- \"$cur\"))\n" + files + "            ;;\n")

    cases = "".join(case(name, page) for name, page in pages.items())
    first = " ".join([name for name, _ in top.subcommands] + [name for option in top.options for name in option.names])
    return f"""# bash completion for synfin, written by scripts/packaging/command_pages.py from --help.
_synfin() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}}
    COMPREPLY=()
    # bash breaks words at the colons of a device (tap:NAME): text after a colon is not completed.
    [[ $cur != : && $prev != : ]] || return
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "{first}" -- "$cur"))
        return
    fi
    case ${{COMP_WORDS[1]}} in
{cases}    esac
}}
complete -F _synfin synfin
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("synfin")
    parser.add_argument("--man", type=pathlib.Path)
    parser.add_argument("--completion", type=pathlib.Path)
    args = parser.parse_args()
    top = help_of(args.synfin)
    pages = {name: help_of(args.synfin, name) for name, _ in top.subcommands}
    version = subprocess.run([args.synfin, "--version"], check=True, capture_output=True, text=True).stdout.split()[-1]
    built = int(os.environ.get("SOURCE_DATE_EPOCH", datetime.datetime.now().timestamp()))  # for reproducible Debian builds
    date = datetime.datetime.fromtimestamp(built, datetime.timezone.utc).strftime("%Y-%m-%d")
    if args.man:
        args.man.write_text(man_page(version, date, top, pages))
    if args.completion:
        args.completion.write_text(completion(top, pages))


if __name__ == "__main__":
    main()
