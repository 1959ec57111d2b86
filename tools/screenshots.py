"""Pictures of the report for docs/images, taken in Chromium: ``python tools/screenshots.py PAGE.html``.

Needs Chromium, its driver and what the tests need (selenium; Pillow comes with matplotlib).
"""

from __future__ import annotations

import io
import shutil
import sys
import time
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

IMAGES = Path(__file__).parents[1] / "docs" / "images"
#: Name of each picture: fragment of the address, width and height in pixels, dark or light.
PICTURES = {
    "report": ("", 1400, 900, False),
    "report-claim": ("#sign-magnitude.sec64.no-relu-no-asymmetry", 1400, 1500, True),
    "report-narrow": ("#verdict=REFUTED&sort=importance", 400, 900, False),
}
_COLOURS = 256


def main(page: Path) -> None:
    """Take every picture of a page."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        for name, (fragment, width, height, dark) in PICTURES.items():
            scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            driver.get("about:blank")
            driver.get(page.resolve().as_uri() + fragment)
            time.sleep(0.5)  # drawings come into view
            shot = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
            target = IMAGES / f"{name}.png"
            shot.quantize(_COLOURS).save(target, optimize=True)
            print(f"{target}: {target.stat().st_size / 1000:.0f} kB")
    finally:
        driver.quit()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
