"""Pictures of the report for docs/images, taken in Chromium: ``python tools/screenshots.py PAGE.html [FOLDER]``.

Needs Chromium, its driver and what the tests need (selenium; Pillow comes with matplotlib).
"""

from __future__ import annotations

import io
import itertools
import shutil
import sys
import time
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

IMAGES = Path(__file__).parents[1] / "docs" / "images"
#: Fragment of each view's address, what is scrolled to in it, and its height in pixels at either width.
VIEWS = {
    "report": ("", "", {1400: 900, 400: 900}),
    "report-claim": ("#sign-magnitude.sec64.no-relu-no-asymmetry", "", {1400: 1000, 400: 1200}),
    "report-points": ("#sign-magnitude.thm3.c-pre", "section:has(table.points)", {1400: 900, 400: 900}),
}
SCHEMES = ("light", "dark")
_COLOURS = 200


def main(page: Path, folder: Path = IMAGES) -> None:
    """Take every picture of a page: each view at both widths, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        for (name, (fragment, below, heights)), scheme in itertools.product(VIEWS.items(), SCHEMES):
            for width, height in heights.items():
                _open(driver, page.resolve().as_uri() + fragment, width, height, scheme)
                if below:
                    driver.execute_script("document.querySelector(arguments[0])?.scrollIntoView()", below)
                time.sleep(0.5)  # drawings come into view
                shot = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
                target = folder / f"{name}-{width}-{scheme}.png"
                shot.quantize(_COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
                print(f"{target}: {target.stat().st_size / 1000:.0f} kB")
    finally:
        driver.quit()


def _open(driver: webdriver.Chrome, address: str, width: int, height: int, scheme: str) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    wanted = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", wanted)
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.get("about:blank")
    driver.get(address)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
