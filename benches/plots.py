#!/usr/bin/env python3
"""Draws what `cargo bench --bench engine` measured: benches/plots/engine.svg, and a line of text for each curve.

    benches/plots.py [TARGET/criterion]
"""
import json, math, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
PANELS = [("rules", "rules", "a theft: start, read, upload, end"), ("globs", "globs", "what a path is"),
          ("domains", "domains", "what a name is"), ("processes", "live processes", "a process that starts, opens a file, ends"),
          ("tainted files", "tainted files", "an open of another file")]
WIDE, HIGH, LEFT, TOP, GAP = 250, 120, 60, 46, 70
# What is left of growth: cost as a power of what grows.
FLAT, LOGARITHMIC = 0.06, 0.2


def measured(folder, group):
    """`(how many, nanoseconds, least, most)`, by how many."""
    points = []
    place = os.path.join(folder, group)
    for name in os.listdir(place):
        path = os.path.join(place, name, "new", "estimates.json")
        if name.isdigit() and os.path.exists(path):
            with open(path) as file:
                median = json.load(file)["median"]
            bounds = median["confidence_interval"]
            points.append((int(name), median["point_estimate"], bounds["lower_bound"], bounds["upper_bound"]))
    return sorted(points)


def shape(points):
    power = math.log(points[-1][1] / points[0][1]) / math.log(points[-1][0] / points[0][0])
    word = "flat" if power < FLAT else "logarithmic" if power < LOGARITHMIC else "grows"
    return word, points[-1][1] / points[0][1], points[-1][0] / points[0][0]


def nanos(value):
    return "%.0f ns" % value if value < 1000 else "%.1f µs" % (value / 1000)


def panel(points, title, what, left, top):
    most = max(point[3] for point in points) * 1.25
    first, last = math.log(points[0][0]), math.log(points[-1][0])
    x = lambda count: left + (math.log(count) - first) / (last - first) * WIDE
    y = lambda cost: top + HIGH - cost / most * HIGH
    word, ratio, growth = shape(points)
    said = "%s: %.2f times the cost at %d times as many" % (word, ratio, growth)
    out = ['<text x="%d" y="%d" class="title">%s</text>' % (left, top - 26, title),
           '<text x="%d" y="%d">%s</text>' % (left, top - 11, what),
           '<path class="axis" d="M%d %dV%dH%d"/>' % (left, top, top + HIGH, left + WIDE)]
    for cost in (most / 2.5, most / 1.25):
        out.append('<text x="%d" y="%.1f" text-anchor="end">%s</text>' % (left - 6, y(cost) + 3, nanos(cost)))
        out.append('<path class="grid" d="M%d %.1fh%d"/>' % (left, y(cost), WIDE))
    line = " ".join("%.1f,%.1f" % (x(count), y(cost)) for count, cost, _, _ in points)
    out.append('<polyline points="%s"/>' % line)
    for count, cost, least, most_ in points:
        out.append('<path class="range" d="M%.1f %.1fV%.1f"/>' % (x(count), y(least), y(most_)))
        out.append('<circle cx="%.1f" cy="%.1f" r="3"/>' % (x(count), y(cost)))
        out.append('<text x="%.1f" y="%d" text-anchor="middle">%s</text>' % (x(count), top + HIGH + 14, format(count, ",")))
    out.append('<text x="%d" y="%d" class="said">%s</text>' % (left, top + HIGH + 32, said))
    return out, "%s: %s; %s" % (title, said, ", ".join("%d: %s" % (count, nanos(cost)) for count, cost, _, _ in points))


def main():
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target"))
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(target, "criterion")
    body = []
    for index, (group, title, what) in enumerate(PANELS):
        left = LEFT + index % 2 * (WIDE + LEFT + 30)
        top = TOP + index // 2 * (HIGH + GAP + 40)
        lines, said = panel(measured(folder, group), title, what, left, top)
        body += lines
        print(said)
    width = LEFT + 2 * (WIDE + LEFT)
    height = TOP + (len(PANELS) + 1) // 2 * (HIGH + GAP + 40)
    style = ("text{font:11px system-ui,sans-serif;fill:#444}.title{font-weight:600;font-size:13px;fill:#111}.said{fill:#0a5}"
             ".axis{stroke:#888;fill:none}.grid{stroke:#ddd}polyline{fill:none;stroke:#06c;stroke-width:1.5}circle{fill:#06c}"
             ".range{stroke:#06c;stroke-width:1}")
    os.makedirs(os.path.join(HERE, "plots"), exist_ok=True)
    with open(os.path.join(HERE, "plots", "engine.svg"), "w") as out:
        out.write('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d">\n<style>%s</style>\n'
                  '<rect width="100%%" height="100%%" fill="#fff"/>\n%s\n</svg>\n' % (width, height, width, height, style, "\n".join(body)))


if __name__ == "__main__":
    main()
