#!/usr/bin/env python3
"""Shows the report to a browser: report.py PROGRAM OUT. Screenshots, a PDF and the pages stay in OUT.

A page must ask nobody for anything, say nothing on the console, obey no name that a record holds, and be of use
without its script, in the dark, on paper, on a narrow screen and by keyboard.
"""
import copy
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
from browser import Browser  # noqa: E402

PROGRAM, OUT = sys.argv[1], sys.argv[2]
RUN = "window.hostile=(window.hostile||0)+1"
HOSTILE = [
    f"</script><script>{RUN}</script>", f"\"><img src=x onerror=\"{RUN}\">", f"'><svg/onload='{RUN}'>",
    f"</title></style><script>{RUN}</script>", f"--><script>{RUN}</script>", f"]]><script>{RUN}</script>",
    f"javascript:{RUN}", f"<iframe srcdoc=\"<script>parent.{RUN}</script>\">", "<link rel=stylesheet href=http://127.0.0.1:9/x>",
    f"<a href=\"javascript:{RUN}\" autofocus onfocus=\"{RUN}\">", "<base href=http://127.0.0.1:9/>", "&lt;b&gt;&#60;i&#62;",
    f"{{{{constructor.constructor('{RUN}')()}}}}", "rtl\u202egpj.exe\u2066", "hidden\u200b\ufeff\U000e0041", "a\x00b\x1b[2Jc\nd\te\x7f\x85",
    "\ufffd\ufffe not UTF-8", "x" * 4096, "\u202e" * 1000, "日本語\U0001f600" * 400, "",
]
OWN_TAGS = set("""html head meta title style body a header p span h1 nav main section h2 h3 h4 ul ol li strong small bdi i em
    figure figcaption svg g path rect line circle text div table caption thead tbody tr th td form label input select option
    output article details summary code dl dt dd br time footer script""".split())


def replay(*arguments):
    done = subprocess.run([PROGRAM, "replay", "--format", "ecs", *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True)
    return [json.loads(line) for line in done.stdout.decode().split("\n") if line]


def page(name, records, raw=b""):
    lines, path = os.path.join(OUT, name + ".ecs"), os.path.join(OUT, name + ".html")
    with open(lines, "wb") as out:
        out.write(b"".join(json.dumps(record).encode() + b"\n" for record in records) + raw)
    subprocess.run([PROGRAM, "report", lines, "-o", path], check=True, stderr=subprocess.DEVNULL)
    return path


def recordings():
    folder = "tests/recordings"
    for name in sorted(os.listdir(folder)):
        events = os.path.join(folder, name, "events.ndjson.gz")
        captures = [entry for entry in sorted(os.listdir(os.path.join(folder, name))) if entry.startswith("capture.")] \
            if os.path.isdir(os.path.join(folder, name)) else []
        if os.path.exists(events) and captures:
            yield events, os.path.join(folder, name, captures[0])


def infected(value, name):
    """The record with every free text replaced by `name`; what decides how it is read stays."""
    keep = {"dataset", "@timestamp", "kind", "time", "start", "end", "severity", "confidence", "evidence", "id", "entity_id"}
    if isinstance(value, dict):
        return {key: value[key] if key in keep and isinstance(value[key], str) else infected(value[key], name) for key in value}
    if isinstance(value, list):
        return [infected(item, name) for item in value]
    return name if isinstance(value, str) else value


def check(condition, what):
    if not condition:
        sys.exit(f"report: {what}")


def is_quiet(browser, path):
    asked = [url for url in browser.requests if url != "file://" + os.path.abspath(path)]
    check(not asked, f"{path} asked for {asked[:3]}")
    check(not browser.said, f"{path}: {browser.said[:3]}")


def shoot(browser, name, height=1600):
    browser.call("Emulation.setDeviceMetricsOverride", width=browser.ask("innerWidth"), height=height, deviceScaleFactor=1, mobile=False)
    browser.screenshot(os.path.join(OUT, name + ".png"))


def demo_is_told(browser, path):
    for dark in (False, True):
        browser.open(path, dark=dark)
        is_quiet(browser, path)
        check("curl sent 9.2 KiB to content.dropboxapi.com" in browser.ask("document.querySelector('h1').textContent"), "headline")
        ground = browser.ask("getComputedStyle(document.body).backgroundColor")
        check((ground == "rgb(16, 21, 27)") == dark, f"dark is {dark}, the ground is {ground}")
        shoot(browser, "demo-dark" if dark else "demo-light")
    check(browser.ask("document.querySelectorAll('svg.node').length") >= 8, "the graph has its boxes")
    browser.pdf(os.path.join(OUT, "demo.pdf"))
    with open(os.path.join(OUT, "demo.pdf"), "rb") as printed:
        check(printed.read(5) == b"%PDF-", "a PDF")
    check(browser.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)", "paper is white")
    browser.open(path, width=390)
    check(browser.ask("document.documentElement.scrollWidth") <= 390, "fits a telephone")
    shoot(browser, "demo-narrow")


def week_is_used(browser, path, alerts):
    browser.open(path)
    is_quiet(browser, path)
    shoot(browser, "week")
    visible = "Array.from(document.querySelectorAll('article')).filter(a => a.offsetParent).length"
    check(browser.ask(visible) == alerts, f"{alerts} alerts are told")
    links = browser.ask("Array.from(document.querySelectorAll('a[href^=\"#\"]')).filter(a => !document.querySelector(a.getAttribute('href'))).length")
    check(links == 0, f"{links} links lead nowhere")
    # By keyboard: the first stop skips to the content, and everything that can be pressed can be reached.
    browser.key("Tab", 9)
    check(browser.ask("document.activeElement.className") == "skip", "the first stop is the skip link")
    for _ in range(12):
        browser.key("Tab", 9)
    check(browser.ask("document.activeElement.closest('main') !== null"), "the keyboard comes to the content")
    # The filter.
    browser.ask("document.querySelector('#filter input').value='curl';document.querySelector('#filter').dispatchEvent(new Event('input'))")
    found = browser.ask(visible)
    check(0 < found < alerts, f"the filter finds some of {alerts}: {found}")
    check(browser.ask("document.querySelector('#filter output').textContent") == f"{found} of {alerts} alerts", "and says so")


def hostile_is_harmless(browser, path):
    for bypass in (False, True):  # with the page's own policy switched off, escaping alone must hold
        browser.open(path, bypass_csp=bypass)
        is_quiet(browser, path)
        check(browser.ask("window.hostile === undefined"), "a name was run as a script")
        check(browser.ask("document.scripts.length") == 1, "there is one script")
        tags = set(browser.ask("Array.from(new Set(Array.from(document.querySelectorAll('*'), e => e.localName)))"))
        check(tags <= OWN_TAGS, f"a name became {tags - OWN_TAGS}")
        attributes = browser.ask("Array.from(new Set(Array.from(document.querySelectorAll('*')).flatMap(e => e.getAttributeNames())))")
        check(not [name for name in attributes if name.startswith("on") or name in ("src", "srcdoc", "style")], f"{attributes}")
        links = browser.ask("Array.from(document.querySelectorAll('[href]'), e => e.getAttribute('href')).every(h => /^#[a-z]+[0-9]*$/.test(h))")
        check(links, "a link leads out of the page")
    text = browser.ask("document.body.textContent")
    check("</script><script>" in text and "\\u{202e}" in text, "names are shown")
    check(not any(c in text for c in "\u202e\u2066\u200b\ufeff\x1b\x00"), "and none of them draws")
    check(browser.ask("document.documentElement.scrollWidth") <= 1240, "and none of them stretches the page")
    shoot(browser, "hostile")


def main():
    os.makedirs(OUT, exist_ok=True)
    demo = replay()
    week = list(demo)
    for events, capture in recordings():
        week += replay("--events", events, "--capture", capture)
    alerts = {record["event"]["id"] for record in week if record["event"]["kind"] == "alert"}
    template = next(record for record in demo if record["event"]["kind"] == "alert")
    blind = {"@timestamp": template["@timestamp"], "event": {"kind": "state", "dataset": "cloudward.coverage", "id": "x"},
             "cloudward": {"coverage": {"kind": "event-loss", "count": 3, "text": "lost", "start": template["@timestamp"]}}}
    hostile = []
    for number, name in enumerate(HOSTILE):
        for record in (template, blind):
            bad = infected(copy.deepcopy(record), name)
            bad["event"]["id"] = f"{number}{name}"
            hostile.append(bad)
    raw = json.dumps(template).replace("deploy.pem", "@").replace("5ca45413", "raw").encode().replace(b"@", b"\xff\xfe\xc3(")
    raw += b"\n" + HOSTILE[0].encode() + b"\n\xff\xfe\n{\"a\":1}\n"
    browser = Browser()
    try:
        demo_is_told(browser, page("demo", demo))
        week_is_used(browser, page("week", week), len(alerts))
        hostile_is_harmless(browser, page("hostile", hostile, raw))
    finally:
        browser.close()
    print(f"report: {len(demo)} + {len(week)} + {len(hostile)} records shown; {len(alerts)} alerts in the week; look at {OUT}/*.png")


main()
