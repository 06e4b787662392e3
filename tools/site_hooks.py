"""What MkDocs does beside docs/*.md: notebooks, pages outside docs/, the commands and the table of corpora.

``mkdocs.yml`` names this file, and MkDocs calls the functions ``on_...``.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import rich_click as click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from nbclient import NotebookClient

from affekt.cli.command_line import COMMANDS, affekt
from affekt.corpora.registry import READERS

ROOT = Path(__file__).parents[1]
ROOT_PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s]+)(?=\))")
CORPORA = "<!-- corpora: written by tools/site_hooks.py -->"
REFERENCE = "<!-- commands: written by tools/site_hooks.py -->"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each notebook, the pages of the root, and files outside docs/ that pages link to."""
    docs = Path(config.docs_dir)
    for notebook in sorted(docs.glob("notebooks/*.ipynb")):
        name = notebook.relative_to(docs).with_suffix(".md").as_posix()
        files.append(File.generated(config, name, content=notebook_page(notebook.read_text("utf-8"))))
    for source, name in ROOT_PAGES.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / source)))
    for page in files.documentation_pages():
        for link in LINK.findall(page.content_string):
            name = site_path(link, page.src_uri)
            path = ROOT / name
            if ".md" not in name and path.is_file() and files.get_file_from_path(name) is None:
                files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put what is generated in its place, and lead links to where the site has what they lead to."""
    del config, files
    markdown = markdown.replace(CORPORA, corpora_table()).replace(REFERENCE, "\n".join(commands()))
    return LINK.sub(lambda found: site_path(found[1], page.file.src_uri), markdown)


def site_path(link: str, page: str) -> str:
    """Return where a link of a page leads to on the site; what lies in the root lies beside docs' pages."""
    path, anchor = urlsplit(link).path, urlsplit(link).fragment
    if page in ROOT_PAGES.values():
        path = path.removeprefix("docs/")
    elif path.startswith("../") and "/" not in page:
        path = path.removeprefix("../")
    path = ROOT_PAGES.get(path, path).replace(".ipynb", ".md")
    return f"{path}#{anchor}" if anchor else path


def corpora_table() -> str:
    """Return the published corpora as a table in Markdown."""
    rows = ["| name | corpus | clips | speakers | licence |", "|---|---|---|---|---|"]
    for name, reader in READERS.items():
        card = reader.card
        if card.speakers:  # not for a corpus of the user's own
            clips = "<br>".join(f"{count} {channel}" for channel, count in card.counts.items())
            title = f"{card.title}<br><small>{card.citation}</small>"
            rows.append(f"| `{name}` | {title} | {clips} | {card.speakers} | {card.licence} |")
    return "\n".join(rows)


def commands() -> Iterator[str]:
    """Yield the lines of the reference of all commands, in the groups of ``affekt --help``."""
    for title, group in COMMANDS.items():
        yield f"\n## {title}\n"
        for command in group:
            yield from command_lines(command, click.Context(affekt, info_name="affekt"), "###")


def command_lines(command: click.Command, parent: click.Context, heading: str) -> Iterator[str]:
    """Yield what ``--help`` of a command shows, and then of the commands below it."""
    context = click.Context(command, info_name=command.name, parent=parent)
    yield f"{heading} {context.command_path}\n"
    for paragraph in (command.help or "").split("\n\n"):
        lines = [line.strip() for line in paragraph.strip().splitlines()]
        examples = lines[:1] == ["\b"] or paragraph.startswith("\b")
        yield "\n".join(f"{line}  " for line in lines if line != "\b") if examples else " ".join(lines)
        yield ""
    yield f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    records = [one.get_help_record(context) for one in command.params if isinstance(one, click.Option)]
    if rows := [record for record in records if record]:
        yield "| option | what it does |\n|---|---|"
        yield from (f"| `{name}` | {words} |" for name, words in rows)
    if command.epilog:
        yield f"\n{command.epilog}\n"
    if isinstance(command, click.Group):
        for one in command.commands.values():
            yield ""
            yield from command_lines(one, context, f"{heading}#")


@cache
def notebook_page(text: str) -> str:
    """Run a notebook, and return it with what it shows as a page in Markdown."""
    notebook: Any = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": folder}})
        client.extra_arguments = ["--log-level=ERROR"]
        client.execute()
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        parts += [shown for output in cell.outputs if (shown := show(output))]
    return "\n\n".join(parts)


def show(output: Any) -> str:
    """Return an output of a cell in Markdown: HTML, such as a table, a picture, or text."""
    if output.output_type == "stream":
        return f"```text\n{output.text.rstrip()}\n```" if output.name == "stdout" else ""
    data = output.data
    if "text/html" in data:
        table = data["text/html"].replace(' border="1" class="dataframe"', "")
        return f"<div>{''.join(table.splitlines())}</div>"
    if "image/png" in data:
        return f"![{data['text/plain']}](data:image/png;base64,{data['image/png'].strip()})"
    return f"```text\n{data['text/plain']}\n```"
