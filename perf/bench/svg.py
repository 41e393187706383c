# SPDX-License-Identifier: GPL-2.0
"""Plots as SVG, without anything but this file: lines with ranges over two axes,
and bars. Figures that are 0 or less have no place on a logarithmic axis and are left out."""

import math
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 470, 310
LEFT, RIGHT, BOTTOM = 62, 14, 46
INK, GRID, SOFT = "#1c2430", "#e2e6eb", "#5b6675"
FONT = "font-family='system-ui,-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif'"
# told apart by those who do not see colours alike, and by their markers
COLOURS = ("#0a5fb4", "#d1570a", "#0b8a62", "#a3489a", "#8a6d00", "#555555")


@dataclass
class Line:
    """POINTS are (x, y) or (x, y, least, most)."""

    name: str
    points: list
    colour: str
    marker: int = 0
    dashed: bool = False
    values: list = field(default_factory=list)


def short(value):
    """A number for an axis: 0.5, 20, 1k, 2M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def plain(value):
    """A number for people: three or four digits, no powers of ten."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def size_name(size):
    """A number of bytes: 2, 4 Ki, 1 Mi."""
    for unit, bytes_ in (("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)):
        if size >= bytes_ and size % bytes_ == 0:
            return f"{size // bytes_} {unit}"
    return str(size)


def log_ticks(low, high):
    """Round numbers that hold LOW and HIGH between the first and the last."""
    decades = math.log10(high / low)
    steps = (1, 2, 5) if decades < 2.2 else (1,)
    every = 1 if decades < 7 else 2
    found = [step * 10.0 ** power
             for power in range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
             for step in steps if power % every == 0]
    first = max([i for i, tick in enumerate(found) if tick <= low * 1.0001], default=0)
    last = min([i for i, tick in enumerate(found) if tick >= high * 0.9999],
               default=len(found) - 1)
    if last == first:
        last += 1
    return found[first:last + 1]


def _text(x, y, text, size=11, colour=INK, anchor="middle", more=""):
    return (f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' fill='{colour}' "
            f"text-anchor='{anchor}' {more}>{escape(text)}</text>")


def _rule(x1, y1, x2, y2, colour=GRID, more=""):
    return (f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' "
            f"stroke='{colour}' {more}/>")


def _marker(shape, x, y, colour, title):
    tip = f"<title>{escape(title)}</title>" if title else ""
    if shape % 4 == 1:
        return (f"<rect x='{x - 3.5:.1f}' y='{y - 3.5:.1f}' width='7' height='7' fill='{colour}'>"
                f"{tip}</rect>")
    if shape % 4 == 2:
        return (f"<path d='M{x:.1f} {y - 4.6:.1f}l4.4 8h-8.8z' fill='{colour}'>{tip}</path>")
    if shape % 4 == 3:
        return (f"<path d='M{x:.1f} {y - 4.8:.1f}l4.8 4.8l-4.8 4.8l-4.8 -4.8z' fill='{colour}'>"
                f"{tip}</path>")
    return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.8' fill='{colour}'>{tip}</circle>"


def _frame(width, height, title, body):
    return (f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' "
            f"width='{width}' height='{height}' role='img' {FONT}>"
            f"<title>{escape(title)}</title>"
            f"<rect width='{width}' height='{height}' fill='#ffffff'/>"
            f"{_text(8, 19, title, 13.5, INK, 'start', 'font-weight=%s600%s' % (chr(39), chr(39)))}"
            f"{body}</svg>")


def _legend(lines):
    """(what is drawn, how far down it goes): a row, or more where one is too short."""
    x, y, out = 10.0, 36, []
    for line in lines:
        width = 38 + 6.3 * len(line.name)
        if x > 10 and x + width > WIDTH:
            x, y = 10.0, y + 17
        dash = "stroke-dasharray='5 3'" if line.dashed else ""
        out.append(_rule(x, y, x + 20, y, line.colour, f"stroke-width='2' {dash}"))
        if not line.dashed:
            out.append(_marker(line.marker, x + 10, y, line.colour, ""))
        out.append(_text(x + 25, y + 4, line.name, 11.5, INK, "start"))
        x += width
    return "".join(out), y


class _Axes:
    """Where figures are on the paper. X is logarithmic, by its ticks, or by place."""

    def __init__(self, xs, by_place, low, high, top):
        self.top = top
        self.xs, self.by_place = xs, by_place
        self.ticks = log_ticks(low, high)
        self.right, self.bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def x(self, value):
        if len(self.xs) == 1:
            return (LEFT + self.right) / 2
        if self.by_place:
            part = self.xs.index(value) / (len(self.xs) - 1)
        else:
            part = math.log(value / self.xs[0]) / math.log(self.xs[-1] / self.xs[0])
        return LEFT + 14 + part * (self.right - LEFT - 28)

    def y(self, value):
        part = math.log(value / self.ticks[0]) / math.log(self.ticks[-1] / self.ticks[0])
        return self.bottom - part * (self.bottom - self.top)

    def draw(self, x_name, y_name, labels):
        out = []
        for tick in self.ticks:
            out.append(_rule(LEFT, self.y(tick), self.right, self.y(tick)))
            out.append(_text(LEFT - 6, self.y(tick) + 4, short(tick), 11, SOFT, "end"))
        last = -99.0
        for value in self.xs:
            at = self.x(value)
            out.append(_rule(at, self.bottom, at, self.bottom + 4, SOFT))
            if at - last >= 34:     # no label over another
                out.append(_text(at, self.bottom + 17, labels(value), 11, SOFT))
                last = at
        out.append(_rule(LEFT, self.bottom, self.right, self.bottom, SOFT))
        out.append(_text((LEFT + self.right) / 2, HEIGHT - 9, x_name, 11.5, SOFT))
        out.append(_text(14, (self.top + self.bottom) / 2, y_name, 11.5, SOFT, "middle",
                         f"transform='rotate(-90 14 {(self.top + self.bottom) / 2:.1f})'"))
        return "".join(out)


def _draw_line(axes, line, labels, unit):
    out, path = [], []
    for x, y, low, high in line.points:
        at, up = axes.x(x), axes.y(y)
        path.append(f"{at:.1f},{up:.1f}")
        if low < high:
            out.append(_rule(at, axes.y(low), at, axes.y(high), line.colour,
                             "stroke-width='1.3' stroke-opacity='0.65'"))
        tip = f"{line.name}, {labels(x)}: {y:.4g} {unit}"
        if low < high:
            tip += f" ({low:.4g} to {high:.4g})"
        out.append(_marker(line.marker, at, up, line.colour, tip))
    if len(path) > 1:
        out.insert(0, f"<polyline points='{' '.join(path)}' fill='none' stroke='{line.colour}' "
                   "stroke-width='2'/>")
    return "".join(out)


def chart(title, lines, x_name, y_name, labels=size_name, by_place=False, limits=()):
    """LIMITS are (name, y): dashed lines across. "" where there is nothing to draw."""
    shown = []
    for line in lines:
        points = [p if len(p) == 4 else (p[0], p[1], p[1], p[1]) for p in line.points]
        points = [p for p in points if p[2] > 0]
        if points:
            shown.append(Line(line.name, points, line.colour, line.marker))
    if not shown:
        return ""
    limits = [(name, y) for name, y in limits if y and y > 0]
    ys = [y for line in shown for point in line.points for y in point[2:]]
    ys += [y for _, y in limits]
    xs = {point[0] for line in shown for point in line.points}
    order = [p[0] for line in lines for p in line.points]
    xs = sorted(xs, key=order.index) if by_place else sorted(xs)
    dashes = [Line(name, [], INK if i == 0 else SOFT, dashed=True)
              for i, (name, _) in enumerate(limits)]
    legend, down = _legend(shown + dashes)
    axes = _Axes(xs, by_place, min(ys), max(ys), down + 22)
    body = [legend, axes.draw(x_name, y_name, labels)]
    for dash, (_, y) in zip(dashes, limits):
        body.append(_rule(LEFT, axes.y(y), axes.right, axes.y(y), dash.colour,
                          "stroke-width='1.5' stroke-dasharray='5 3'"))
    body += [_draw_line(axes, line, labels, y_name) for line in reversed(shown)]
    return _frame(WIDTH, HEIGHT, title, "".join(body))


def bars(title, rows, unit):
    """ROWS are (name, value, least, most, colour): lying bars from 0, a heading where
    the value is None."""
    valued = [row for row in rows if row[1] is not None]
    if not valued:
        return ""
    most = max(row[3] for row in valued) or 1.0
    left, width = 132, WIDTH - 132 - 106
    y, out = 34.0, []
    for name, value, low, high, colour in rows:
        if value is None:
            out.append(_text(8, y + 17, name, 11.5, SOFT, "start", "font-weight='600'"))
            y += 23
            continue
        length = value / most * width
        tip = f"{name}: {value:.4g} {unit} ({low:.4g} to {high:.4g})"
        out.append(_text(left - 7, y + 14, name, 11.5, INK, "end"))
        out.append(f"<rect x='{left}' y='{y + 2:.1f}' width='{max(length, 1):.1f}' height='16' "
                   f"rx='2' fill='{colour}'><title>{escape(tip)}</title></rect>")
        if low < high:
            out.append(_rule(left + low / most * width, y + 10, left + high / most * width,
                             y + 10, INK, "stroke-width='1.4'"))
        end = left + high / most * width
        out.append(_text(end + 6, y + 14, f"{plain(value)} {unit}", 11, INK, "start"))
        y += 22
    return _frame(WIDTH, int(y + 10), title, "".join(out))
