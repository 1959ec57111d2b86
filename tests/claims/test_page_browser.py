"""The page in a real browser: from disk, filtered, sorted, searched, a claim opened, a view sent; nothing requested."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from claims.experiment import grid
from claims.outline.responses import Response
from claims.report.page import render
from claims.report.page_data import Known
from claims.report.plot import draw
from tests.claims.test_author import DEPENDING
from tests.claims.test_report import AGAIN, EVERY, HOSTILE, OFF, claim, result, row

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
#: What ``make test`` fetches beside the environment.
AXE = Path(sys.prefix) / "axe" / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with its driver on this machine")

FORMULA = r"c(p) = \frac{\sqrt{1 - p^2}}{2p} \sum_{k=1}^{n} \begin{cases} 1 & p < 0.5 \\ 0 & \text{else} \end{cases}"
LOOK = {"block": "main", "seeds": 8, "estimate": 1.01, "interval": [0.8, 1.3], "verdict": "UNDECIDED"}
LAST = LOOK | {"seeds": 16, "estimate": 1.02, "interval": [0.98, 1.06], "verdict": "HOLDS"}
GRID = [
    row(id="demo.grid", estimate=1.0 + n / 1e4, margin=n / 100)
    | {"at": {"n": n, "metric": metric, "half": 0.5}, "looks": [LOOK, LAST], "values": [0.9, 1.0, 1.0, 1.1]}
    for n in (64, 256, 512)
    for metric in ("pre", "post")
]
SMALL = {"width": 400, "height": 900, "deviceScaleFactor": 1, "mobile": False}
WIDE = {"band": [-1e308, 1e308], "interval": [-1.7e308, 1.7e308]}
HUGE = [
    row(id="demo.huge", band=[-1e308, 1e308], interval=[None, 1.7e308], estimate=sign * 1.7e308, rival=1e308)
    | {"at": {"n": 10.0**i}, "looks": [LOOK | {"interval": [-1.7e308, 1.7e308]}], "values": [-1.7e308, 1.7e308, 0.0]}
    for i, sign in ((-300, 1), (0, -1), (300, 1))
]
CLAIMS = [
    *EVERY,
    claim(id="demo.grid", points=GRID, formula=FORMULA, **{name: GRID[2][name] for name in ("estimate", "margin")}),
    claim(
        id="demo.hostile",
        statement=HOSTILE,
        locus=HOSTILE,
        finding=HOSTILE,
        role="ours",
        reason=HOSTILE,
        formula=rf"\href{{javascript:alert(1)}}{{x}}\text{{{HOSTILE}}}",
    ),
    DEPENDING,
    claim(
        id="demo.huge", band=[-1e308, 1e308], interval=[-1.7e308, 1.7e308], estimate=1e300, rival=-1.7e308, points=HUGE
    ),
    claim(id="demo.tiny", band=[5e-324, 1e-323], interval=[0.0, 5e-324], estimate=0.0, target=5e-324, rival=1e308),
    claim(id="demo.same", band=[1.0, 1.0], interval=[1.0, 1.0], estimate=1.0, target=1.0, rival=None),
    claim(id="demo.long", statement="long" * 60, margin=0.25, seeds=256),
    claim(id="other.far", paper="other", rival=1e5, confirmation=AGAIN, expected="REFUTED", finding="So.", **OFF),
    *(claim(id=f"other.more-{i}", paper="other", kind="ratio", seeds=8, margin=2.0 + i) for i in range(150)),
]
KNOWN = Known(
    sections={"demo": {"1 One": ["demo.one", "demo.grid"]}, "other": {"2 Two": ["other.far"]}},
    places={"demo.one": "pack/sections.py:12"},
    files=("my claims.py",),
    responses={"demo.depends": (Response(claim="demo.depends", by="A. Author", date="2026-11-29", text=HOSTILE),)},
)


def chrome(**settings: Any) -> Any:
    """A browser without a window; what it asks of the network is logged."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    flags = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
    flags += ["--disable-component-update", "--no-first-run", "--disable-sync", "--disable-quic", "--hide-scrollbars"]
    flags += ["--no-sandbox"] if os.geteuid() == 0 else []
    for flag in flags:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(DRIVER), **settings)


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    made = chrome()
    yield made
    made.quit()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(render(result(*CLAIMS), known=KNOWN))
    return path.as_uri()


@pytest.fixture
def view(driver: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Open the page at a fragment; afterwards nothing but the page was asked for, and nothing went wrong."""

    def opened(fragment: str = "", *, width: int = 1400, dark: bool = False, script: bool = True) -> Any:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
        driver.get("about:blank")
        driver.get(address + fragment)
        return driver

    driver.get_log("performance")  # of what was opened before
    yield opened
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert driver.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = {each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"}
    assert {url.partition("#")[0] for url in asked} <= {address, "about:blank"}


def js(page: Any, code: str, *args: Any) -> Any:
    return page.execute_script(f"return {code}", *args)


def ids(page: Any) -> list[str]:
    return js(page, "[...document.querySelectorAll('#list > li')].map(node => node.dataset.id)")


def choose(page: Any, **fields: str) -> None:
    """Set fields as a reader does, and wait for the list."""
    code = """const done = arguments[1], form = document.getElementById("filter");
        for (const [name, value] of Object.entries(arguments[0])) form.elements.namedItem(name).value = value;
        form.dispatchEvent(new Event("input", {bubbles: true})); setTimeout(done, 20);"""
    page.execute_async_script(code, fields)


def found(page: Any) -> str:
    return js(page, "document.getElementById('found').textContent")


def test_it_opens_from_disk_with_the_papers_and_the_first_claims(view):
    page = view()
    assert page.title == "Audit of demo, other"
    assert found(page) == "165 claims"
    assert ids(page)[:3] == ["demo.one", "demo.false", "demo.surprise"]
    assert len(ids(page)) == 60
    assert js(page, "document.querySelector('noscript').children.length") == 0
    page.execute_script("window.scrollTo(0, document.body.scrollHeight)")
    waited(page, "document.querySelectorAll('#list > li').length > 60")


def waited(page: Any, condition: str) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(page, 10, poll_frequency=0.05).until(lambda driver: js(driver, condition))


def test_filters_sorts_and_searches_leave_their_state_in_the_address(view):
    page = view()
    choose(page, verdict="REFUTED")
    assert ids(page) == ["demo.false", "demo.surprise", "other.far"]
    assert found(page) == "3 of 165 claims"
    choose(page, paper="demo")
    assert ids(page) == ["demo.false", "demo.surprise"]
    assert js(page, "location.hash") == "#verdict=REFUTED&paper=demo"
    choose(page, verdict="differs", paper="")
    assert ids(page) == ["demo.surprise", "demo.broken"]
    choose(page, verdict="", section="demo/0")
    assert ids(page) == ["demo.one", "demo.grid"]
    choose(page, section="", role="ours")
    assert ids(page) == ["demo.hostile"]
    choose(page, role="", kind="identity")
    assert ids(page) == ["demo.exact"]
    choose(page, kind="", q="NaN finite")
    assert ids(page) == ["demo.broken"]
    choose(page, q="nothing at all")
    assert (ids(page), found(page)) == ([], "0 of 165 claims")
    page.find_element("id", "all").click()
    assert found(page) == "165 claims"
    assert js(page, "location.hash") == ""


ORDERS = {
    "margin": ["demo.long", "demo.one"],
    "importance": ["demo.surprise", "demo.broken", "demo.false", "other.far"],
    "verdict": ["demo.one"],
    "seeds": ["demo.long"],
    "kind": ["demo.exact", "demo.one"],
    "paper": ["demo.one", "demo.false"],
}


def test_orders_and_their_reverse(view):
    page = view()
    for order, first in ORDERS.items():
        choose(page, sort=order)
        assert ids(page)[: len(first)] == first
    page.find_element("name", "reverse").click()
    waited(page, "document.querySelector('#list > li').dataset.id === 'other.more-149'")
    assert js(page, "location.hash") == "#reverse=1"


def test_a_view_that_was_sent_opens_as_it_was(view):
    page = view("#verdict=HOLDS&kind=ratio&sort=margin&q=other+one")
    assert ids(page)[0] == "other.more-0"
    assert js(page, "Object.fromEntries(new FormData(document.getElementById('filter')))") == {
        "q": "other one", "verdict": "HOLDS", "paper": "", "section": "", "role": "", "kind": "ratio", "tier": "",
        "sort": "margin",
    }  # fmt: skip
    page.refresh()
    assert ids(page)[0] == "other.more-0"


def test_an_address_that_means_nothing_shows_every_claim(view):
    page = view("#%E0%A4%A")
    for fragment in ("#nowhere", "#verdict=FALSE&sort=up&constructor=1", "#=&&=="):
        assert found(page) == "165 claims"
        page.execute_script("location.hash = arguments[0]", fragment)
    waited(page, "location.hash === '#=&&=='")
    assert found(page) == "165 claims"


def test_a_claim_opens_and_the_way_back_leads_where_one_was(view):
    page = view("#verdict=REFUTED")
    js(page, "document.querySelector('[data-id=\"demo.false\"] a').click()")
    waited(page, "!document.getElementById('claim').hidden")
    assert js(page, "location.hash") == "#demo.false"
    assert js(page, "document.activeElement.id") == "statement"
    assert page.title.startswith("demo.false")
    text = js(page, "document.getElementById('claim').innerText")
    for words in ("True instead: It is 3.", "which says", "REFUTED, 3.00 [2.90, 3.10]", "3.00 [2.90, 3.10]"):
        assert words in text, words
    js(page, "document.querySelector('#claim a[href=\"#demo.one\"]').click()")  # the correction
    waited(page, "document.title.startsWith('demo.one')")
    text = js(page, "document.getElementById('claim').innerText")
    assert "Corrects demo.false" in text
    assert "pack/sections.py, line 12" in text
    assert "claimbench audit 'my claims.py' demo.one --tier smoke --epoch 7" in text
    page.back()
    waited(page, "document.title.startsWith('demo.false')")
    page.back()
    waited(page, "document.getElementById('claim').hidden")
    assert ids(page) == ["demo.false", "demo.surprise", "other.far"]
    waited(page, "document.activeElement.getAttribute('href') === '#demo.false'")
    js(page, "document.querySelector('[data-id=\"demo.false\"] a').click()")
    waited(page, "!document.getElementById('claim').hidden")
    js(page, "document.getElementById('back').click()")
    waited(page, "document.getElementById('claim').hidden")
    assert js(page, "location.hash") == "#verdict=REFUTED"


def test_a_claim_of_several_points_shows_them_all(view):
    page = view("#demo.grid")
    for each in ("[aria-label=Looks]", "[aria-label='Over the grid']"):
        page.execute_script(f"document.querySelector(`#claim {each}`).scrollIntoView()")
        waited(page, f"document.querySelector(`#claim {each} svg`)")
    waited(page, "document.querySelectorAll('#claim svg').length >= 4")
    names = js(page, "[...document.querySelectorAll('#claim .points tbody th')].map(node => node.textContent)")
    assert names == [f"n={n}, metric={metric}" for n in (64, 256, 512) for metric in ("pre", "post")]
    assert "All at half=0.5" in js(page, "document.getElementById('claim').innerText")
    assert js(page, "document.querySelectorAll('#claim svg .seed').length") == 4
    assert js(page, "document.querySelectorAll('#claim svg .curve').length") == 2
    page.execute_script(
        "const more = document.querySelector('#claim details:has(.figure)'); more.open = true; more.scrollIntoView()"
    )
    waited(page, "document.querySelectorAll('#claim svg .seed').length === 8")


def test_a_claim_that_depends_shows_its_readings_and_what_authors_answer(view):
    page = view("#demo.depends")
    waited(page, "document.querySelectorAll('#claim [aria-label=Readings] svg .estimate').length === 2")
    text = js(page, "document.getElementById('claim').innerText")
    for words in (
        "A tenth is ours.",
        "(as declared)",
        "(the paper's own)",
        "why sparse",
        "The authors answer: A. Author",
    ):
        assert words in text, words
    assert HOSTILE in text
    verdicts = js(page, "[...document.querySelectorAll('#claim .readings .badge')].map(node => node.textContent)")
    assert verdicts == ["REFUTED", "HOLDS"]
    assert ids(view("#verdict=DEPENDS")) == ["demo.depends"]


def test_a_formula_and_the_tested_relation_are_typeset(view):
    page = view("#demo.grid")
    inside = "document.querySelector('#claim [aria-label=Formula] math')"
    assert js(page, f"{inside}.namespaceURI") == "http://www.w3.org/1998/Math/MathML"
    assert js(page, f"{inside}.querySelectorAll('mfrac').length") == 1
    assert js(page, f"{inside}.querySelector('mfrac').getBoundingClientRect().height") > 20  # stacked, not in a row
    assert js(page, "document.querySelector('#claim details code').textContent") == FORMULA
    tested = js(page, "document.querySelector('#claim [aria-label=\"What is tested\"] math').textContent")
    assert tested == "|𝔼[X]−1|≤0.1"
    assert js(page, "document.getElementById('formulas').hidden")
    page = view("#demo.exact")
    assert js(page, "document.querySelector('#claim [aria-label=Formula]')") is None
    assert js(page, "document.querySelector('#claim [aria-label=\"What is tested\"] math').textContent").startswith("|")


def test_a_formula_that_is_none_is_shown_as_it_is(view):
    page = view("#demo.hostile")
    shown = js(page, "document.querySelector('#claim [aria-label=Formula]')")
    assert shown.text == CLAIMS[len(EVERY) + 1]["formula"]
    assert js(page, "[document.images.length, document.scripts.length]") == [0, 2]
    assert js(page, "document.querySelectorAll('[href^=javascript]').length") == 0


def test_without_scripts_formulas_stand_below_the_claims(view):
    page = view(script=False)
    fragment = page.find_element("css selector", "noscript a[href='#formula-0']").get_attribute("href")
    assert fragment.endswith("#formula-0")
    assert page.find_element("css selector", "#formula-0 mfrac").is_displayed()
    assert not page.find_element("css selector", "#forms math").is_displayed()


def test_text_of_claims_stays_text(view):
    page = view("#demo.hostile")
    assert HOSTILE in js(page, "document.getElementById('statement').textContent")
    assert js(page, "[document.images.length, document.scripts.length]") == [0, 2]
    page = view("#q=alert(1)")
    assert ids(page) == ["demo.hostile"]
    assert js(page, "document.images.length") == 0
    assert js(page, "document.querySelector('#list .statement').textContent") == HOSTILE


def test_drawings_are_those_of_the_terminal_and_the_notebook(view):
    page = view("#q=demo")
    waited(page, "document.querySelectorAll('#list svg').length >= 6")
    code = """Object.fromEntries([...document.querySelectorAll("#list svg")].map(svg => [svg.closest("li").dataset.id, {
        label: svg.getAttribute("aria-label"),
        band: ["x", "width"].map(name => Number(svg.querySelector(".band").getAttribute(name))),
        dot: Number(svg.querySelector(".estimate").getAttribute("cx")),
        rival: [...svg.querySelectorAll("line.rival")].map(node => Number(node.getAttribute("x1"))),
        inside: [...svg.querySelectorAll("text")].every(node => node.getBBox().x >= 0 &&
            node.getBBox().x + node.getBBox().width <= 361)}]))"""
    drawn = js(page, code)
    assert {"demo.one", "demo.false", "demo.edge"} <= set(drawn)
    for each in CLAIMS:
        if each["id"] not in drawn:
            continue
        theirs, ours = drawn[each["id"]], draw(each)
        shapes = {name: [s.attributes for s in ours.shapes if s.attributes.get("class") == name] for name in CLASSES}
        assert theirs["label"] == ours.label
        assert theirs["dot"] == pytest.approx(float(shapes["estimate"][0]["cx"]), abs=0.06)
        for name, shown in zip(("x", "width"), theirs["band"], strict=True):
            assert shown == pytest.approx(float(shapes["band"][0][name]), abs=0.06)
        assert theirs["rival"] == pytest.approx([float(shape["x1"]) for shape in shapes["rival"]], abs=0.06)
        assert theirs["inside"]


def test_numbers_at_the_ends_of_what_a_double_holds_are_drawn(view):
    """Or not drawn: what is no number never gets into an attribute, which the log of the browser would tell."""
    page = view("#q=demo")
    waited(page, "document.querySelectorAll('#list svg').length >= 6")
    page.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    for name in ("demo.huge", "demo.tiny", "demo.same"):
        page.execute_script("location.hash = arguments[0]", name)
        waited(page, f"document.title.startsWith('{name}')")
        page.execute_script("for (const more of document.querySelectorAll('details')) more.open = true")
        page.execute_script("window.dispatchEvent(new Event('beforeprint'))")
        assert "NaN" not in js(page, "document.getElementById('claim').innerHTML")
        assert "Infinity" not in js(page, "document.getElementById('claim').innerHTML")


CLASSES = ("band", "estimate", "rival")


def test_without_scripts_there_is_a_plain_table(view):
    page = view(script=False)
    text = page.find_element("css selector", "main").text
    assert "Every claim" in text
    assert "demo.exact" in text
    assert "True instead: It is 3." in text
    assert len(page.find_elements("css selector", "noscript table.plain tbody tr")) == len(CLAIMS)
    assert not page.find_element("id", "filter").is_displayed()


def test_nothing_is_wider_than_a_small_screen(view):
    page = view(width=400)
    assert js(page, "document.documentElement.scrollWidth") <= 400
    for name in ("demo.grid", "demo.hostile"):
        page.execute_script("location.hash = arguments[0]", name)
        waited(page, f"document.title.startsWith('{name}')")
        assert js(page, "document.documentElement.scrollWidth") <= 400


def test_it_prints_every_claim_that_was_chosen(view):
    page = view("#kind=ratio")
    js(page, "window.dispatchEvent(new Event('beforeprint'))")
    assert len(ids(page)) == 150
    assert js(page, "document.querySelectorAll('#list svg').length") == 150


def test_paper_is_white_whatever_the_scheme_of_the_screen(view):
    page = view("#demo.depends", dark=True)
    shade = "getComputedStyle(document.querySelector('.badge')).backgroundColor"
    dark = js(page, shade)
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]},
    )
    lightness = min(map(int, re.findall(r"\d+", js(page, shade))))
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    assert max(map(int, re.findall(r"\d+", dark))) < 100
    assert lightness > 200


def test_rows_of_a_drawing_are_named_in_full_on_a_narrow_screen(tmp_path, driver):
    laws = ("a gaussian mean", "one channel of sixteen")
    points = [row(estimate=1.0 + n / 1e4) | {"at": {"n": n, "law": law}} for n in (64, 256, 512) for law in laws]
    path = tmp_path / "index.html"
    path.write_text(render(result(claim(points=points))))
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SMALL)
    driver.get(path.as_uri() + "#demo.one")
    for figure, names in (("Intervals of all points", [f"n=64, {law}" for law in laws]), ("Over the grid", laws)):
        every = f"document.querySelectorAll('[aria-label=\"{figure}\"] svg > text')"
        js(driver, f"document.querySelector('[aria-label=\"{figure}\"]').scrollIntoView()")
        waited(driver, f"{every}.length > 6")
        assert set(names) <= set(js(driver, f"[...{every}].map(each => each.firstChild.textContent)"))
        inside = """(text => text.getBBox().x >= 0
            && text.getBBox().x + text.getBBox().width <= text.ownerSVGElement.viewBox.baseVal.width)"""
        assert js(driver, f"[...{every}].every({inside})")


def test_a_keyboard_reaches_search_filters_and_claims(view):
    from selenium.webdriver.common.keys import Keys

    page = view()
    js(page, "document.querySelector('[name=q]').focus()")
    reached = []
    for _ in range(14):
        page.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(js(page, "document.activeElement.name || document.activeElement.getAttribute('href')"))
    assert reached[:8] == ["verdict", "paper", "section", "role", "kind", "tier", "sort", "reverse"]
    assert "#demo.one" in reached
    page.switch_to.active_element.send_keys(Keys.ENTER)
    waited(page, "!document.getElementById('claim').hidden")


@pytest.mark.skipif(not AXE.exists(), reason=f"axe-core is not at {AXE.parent}: make test fetches it where npm is")
@pytest.mark.parametrize(
    ("fragment", "dark"),
    [
        ("", False),
        ("#demo.grid", True),
        *(pytest.param(*rest, marks=pytest.mark.slow) for rest in [("", True), ("#demo.grid", False)]),
        *(pytest.param("#demo.false", dark, marks=pytest.mark.slow) for dark in (False, True)),
    ],
)
def test_axe_finds_no_violation(view, fragment, dark):
    page = view(fragment, dark=dark)
    page.execute_script(AXE.read_text(encoding="utf-8"))
    code = "const done = arguments[0]; axe.run().then(found => done(found.violations), error => done(String(error)));"
    assert page.execute_async_script(code) == []


@pytest.mark.slow
@pytest.mark.parametrize("count", [2_000, 20_000])
def test_many_claims(tmp_path, driver, count, record_property):
    """What is in the document, and on how many bytes, does not depend on how many claims there are."""
    at = grid(n=[64, 512])
    points = [row() | {"at": dict(point), "looks": [LOOK, LAST], "values": [1.0] * 16} for point in at]
    rows = [claim(id=f"demo.claim-{i:05}", points=points, margin=float(i % 97)) for i in range(count)]
    for each in rows:
        each["points"] = [point | {"id": each["id"]} for point in points]
    path = tmp_path / "index.html"
    path.write_text(render(result(*rows)))
    driver.get(path.as_uri())
    assert found(driver) == f"{count:,} claims"
    choose(driver, sort="margin", q=f"claim-{count - 1:05}")
    waited(driver, "document.querySelectorAll('#list > li').length === 1")
    choose(driver, q="", sort="paper")
    waited(driver, "document.querySelectorAll('#list > li').length >= 60")
    assert js(driver, "document.querySelectorAll('*').length") < 5_000
    assert path.stat().st_size < 2_500 * count
    paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    with contextlib.suppress(KeyError):
        record_property("first contentful paint, ms", js(driver, paint))
