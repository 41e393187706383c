# SPDX-License-Identifier: GPL-2.0
"""A report as a list of blocks, and how it becomes HTML, with everything in one
file, and Markdown, with its plots beside it.

Blocks are made by the functions of this file; text may hold `code` between backquotes
and nothing else."""

import re
from dataclasses import dataclass, field
from html import escape

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;
  color: #1c2430; background: #f6f7f9; margin: 0; }
main { max-width: 1480px; margin: 0 auto; padding: 24px 28px 60px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 19px; margin: 38px 0 8px; padding-top: 10px; border-top: 1px solid #d5dae1; }
p { max-width: 96ch; margin: 6px 0 10px; }
.lead { color: #5b6675; margin: 2px 0 8px; }
table { border-collapse: collapse; background: #fff; margin: 10px 0 14px;
  font-variant-numeric: tabular-nums; box-shadow: 0 0 0 1px #e2e6eb; }
th, td { padding: 4px 12px; text-align: right; border-bottom: 1px solid #eceff3;
  white-space: nowrap; }
th { background: #eef1f5; font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
td.group { background: #f6f7f9; font-weight: 600; color: #5b6675; }
td.good { background: #e3f4ea; color: #0b5a34; font-weight: 600; }
td.bad { background: #fdeae3; color: #96320b; font-weight: 600; }
td.text { text-align: left; white-space: normal; }
.plots { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 14px; margin: 12px 0; }
.plots svg { border: 1px solid #e2e6eb; border-radius: 6px; background: #fff;
  max-width: 100%; height: auto; }
.wide { overflow-x: auto; }
code { font: 13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace; background: #eceff3;
  padding: 0 4px; border-radius: 3px; }
pre { background: #fff; border: 1px solid #e2e6eb; border-radius: 6px; padding: 10px 14px;
  overflow-x: auto; font: 13px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace; }
li { max-width: 96ch; margin: 3px 0; }
details > summary { cursor: pointer; color: #0a5fb4; margin: 8px 0; }
"""


@dataclass(frozen=True)
class Cell:
    """Text of a table, with a class: good, bad, text."""

    text: str
    kind: str = ""


@dataclass
class Table:
    """Rows of cells or strings; a row of one string is a heading."""

    head: list
    rows: list
    folded: str = ""                # what to click on, if it is not to be seen at once


@dataclass
class Document:
    """TITLE, and blocks: (kind, what)."""

    title: str
    blocks: list = field(default_factory=list)

    def heading(self, text):
        """A section begins."""
        self.blocks.append(("heading", text))

    def text(self, text, kind="text"):
        """A paragraph; kind lead is a soft one."""
        self.blocks.append((kind, text))

    def points(self, texts):
        """A list."""
        self.blocks.append(("points", texts))

    def commands(self, text):
        """Lines for a shell."""
        self.blocks.append(("commands", text))

    def table(self, head, rows, folded=""):
        """A table, unless it is empty."""
        if rows:
            self.blocks.append(("table", Table(head, rows, folded)))

    def plots(self, plots):
        """Plots beside each other: (name of the file, SVG); those that are "" are left out."""
        plots = [(name, svg) for name, svg in plots if svg]
        if plots:
            self.blocks.append(("plots", plots))
        return bool(plots)


def _inline(text):
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text, quote=False))


def _cell(cell):
    return cell if isinstance(cell, Cell) else Cell(str(cell))


def _html_table(table):
    out = ["<div class='wide'><table><thead><tr>",
           *(f"<th>{_inline(name)}</th>" for name in table.head), "</tr></thead><tbody>"]
    for row in table.rows:
        if len(row) == 1:
            out.append(f"<tr><td class='group' colspan='{len(table.head)}'>"
                       f"{_inline(row[0])}</td></tr>")
            continue
        out.append("<tr>")
        for cell in map(_cell, row):
            kind = f" class='{cell.kind}'" if cell.kind else ""
            out.append(f"<td{kind}>{_inline(cell.text)}</td>")
        out.append("</tr>")
    out.append("</tbody></table></div>")
    text = "".join(out)
    if table.folded:
        return f"<details><summary>{_inline(table.folded)}</summary>{text}</details>"
    return text


def _html_block(kind, what):
    if kind == "heading":
        return f"<h2>{_inline(what)}</h2>"
    if kind == "points":
        return "<ul>" + "".join(f"<li>{_inline(text)}</li>" for text in what) + "</ul>"
    if kind == "commands":
        return f"<pre>{escape(what, quote=False)}</pre>"
    if kind == "table":
        return _html_table(what)
    if kind == "plots":
        return "<div class='plots'>" + "".join(svg for _, svg in what) + "</div>"
    return f"<p class='{kind}'>{_inline(what)}</p>"


def html(document):
    """The whole file."""
    body = "\n".join(_html_block(*block) for block in document.blocks)
    return (f"<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
            f"<meta name='viewport' content='width=device-width, initial-scale=1'>"
            f"<title>{escape(document.title)}</title><style>{STYLE}</style></head>\n"
            f"<body><main>\n<h1>{escape(document.title)}</h1>\n{body}\n</main></body></html>\n")


def _md_table(table):
    if table.folded:
        return f"{table.folded}: see report.html."
    out = ["| " + " | ".join(table.head) + " |",
           "|" + "---|" + "---:|" * (len(table.head) - 1)]
    for row in table.rows:
        texts = [f"**{row[0]}**"] if len(row) == 1 else [_cell(cell).text for cell in row]
        texts += [""] * (len(table.head) - len(texts))
        out.append("| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |")
    return "\n".join(out)


def _md_block(kind, what):
    if kind == "heading":
        return "## " + what
    if kind == "points":
        return "\n".join("- " + text for text in what)
    if kind == "commands":
        return "\n".join("    " + line for line in what.splitlines())
    if kind == "table":
        return _md_table(what)
    if kind == "plots":
        return "\n".join(f"![{name}](plots/{name}.svg)" for name, _ in what)
    return what


def markdown(document):
    """The text; its plots are in plots/NAME.svg."""
    blocks = "\n\n".join(_md_block(*block) for block in document.blocks)
    return f"# {document.title}\n\n{blocks}\n"


def plots_of(document):
    """(name, SVG) of all."""
    return [plot for kind, what in document.blocks if kind == "plots" for plot in what]
