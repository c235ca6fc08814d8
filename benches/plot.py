"""Lines over the number of files, as an SVG without any library."""

import math

COLOURS = ["#0b6e4f", "#c1440e", "#3d5a98"]
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 420, 300, 62, 40, 44
GAP = 40
STEPS = (1, 2, 2.5, 5, 10)


def growth(panels, path):
    """Draws `panels`. Each has a title and lines, and each line has a name and points (files, value)."""
    width = len(panels) * WIDTH + (len(panels) - 1) * GAP + 20
    height = HEIGHT + 20 * max(len(lines) for _, lines in panels) + 10
    drawn = [panel(index * (WIDTH + GAP), *each) for index, each in enumerate(panels)]
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="{width}" height="{height}" fill="white"/>\n' + "\n".join(drawn) + "\n</svg>\n"
    )


def panel(left, title, lines):
    points = [point for _, each in lines for point in each]
    widest, highest = (scale(max(values)) for values in zip(*points))
    x = lambda files: LEFT + files / widest[-1] * (WIDTH - LEFT)
    y = lambda value: HEIGHT - BOTTOM - value / highest[-1] * (HEIGHT - BOTTOM - TOP)
    parts = [f'<g transform="translate({left} 0)">', text(LEFT, 20, title, weight="bold")]
    for value in highest:
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH}" stroke="#ddd"/>')
        parts.append(text(LEFT - 6, y(value) + 4, f"{value:g}", anchor="end"))
    for files in widest:
        parts.append(text(x(files), HEIGHT - BOTTOM + 18, f"{files:,.0f}", anchor="middle"))
    parts.append(text(WIDTH, HEIGHT - BOTTOM + 34, "files", anchor="end"))
    for number, (name, each) in enumerate(lines):
        parts += line(COLOURS[number], [(x(files), y(value)) for files, value in each], name, HEIGHT + 14 + 20 * number)
    return "\n".join([*parts, "</g>"])


def line(color, points, name, legend):
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in points]
    key = f'<path d="M{LEFT} {legend - 4}h24" stroke="{color}" stroke-width="2"/>'
    path = f'<polyline points="{drawn}" fill="none" stroke="{color}" stroke-width="2"/>'
    return [path, *dots, key, text(LEFT + 32, legend, name)]


def text(x, y, content, anchor="start", weight="normal"):
    content = content.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="#222">{content}</text>'


def scale(most):
    """Returns about five round numbers, from 0 to the first that reaches `most`."""
    power = 10 ** math.floor(math.log10(most / 5))
    step = next(factor * power for factor in STEPS if factor * power * 5 >= most)
    return [step * number for number in range(math.ceil(most / step) + 1)]
