"""Renew the pictures of docs/console: every page in both themes and at both widths, on the sample world.

Run it with ``.venv/bin/python -m scripts.console_pictures``.
"""

from io import BytesIO
from itertools import product
from pathlib import Path

from benchmarks.harness.browser import THEMES, WIDTHS, Theme, chromium, looked_at, signed_in
from benchmarks.harness.house import EMAILS, PASSWORD, House, open_house, passing_servers
from PIL import Image
from playwright.sync_api import Browser

FOLDER = Path(__file__).parents[1] / "docs" / "console"
LONGEST_PX = 2_400
COLOURS = 96


def pages(house: House) -> dict[str, tuple[str, str]]:
    """Return role and path of each picture."""
    units = "&".join(f"unit={unit}" for unit in house.unit_ids[:3])
    return {
        "login": ("agent", "/login"),
        "today": ("agent", "/today"),
        "overview": ("manager", "/overview"),
        "clients": ("manager", "/clients"),
        "client": ("agent", house.client_paths[0]),
        "properties": ("agent", "/properties"),
        "unit": ("agent", f"/properties/{house.unit_ids[0]}"),
        "compare": ("agent", f"/properties/compare?{units}"),
        "market": ("manager", "/market"),
        "area": ("manager", f"/market/{house.area_ids[0]}"),
        "agents": ("manager", "/agents"),
        "agent": ("manager", f"/agents/{house.agent_id}"),
        "behavior": ("manager", "/behavior"),
        "assistant": ("admin", f"/assistant/{house.reply_id}"),
        "imports": ("agent", "/imports"),
        "system": ("admin", "/system"),
    }


def main() -> None:
    """Take them all."""
    FOLDER.mkdir(exist_ok=True)
    with (
        passing_servers() as (folder, postgres, redis),
        chromium() as browser,
        open_house(postgres, redis, "pictures", folder / "house", seed=1) as house,
    ):
        for role, width, theme in product(EMAILS, WIDTHS, THEMES):
            _take(browser, house, role, width, theme)


def _take(browser: Browser, house: House, role: str, width: int, theme: Theme) -> None:
    """Take the pictures of one role in one look."""
    mine = {what: path for what, (whose, path) in pages(house).items() if whose == role}
    with signed_in(browser, house.console, EMAILS[role], PASSWORD, width=width, theme=theme) as page:
        for what, path in mine.items():
            looked_at(page, house.console, path)
            taken = Image.open(BytesIO(page.screenshot(full_page=True)))
            picture = taken.crop((0, 0, taken.width, min(taken.height, LONGEST_PX)))
            picture.convert("RGB").quantize(COLOURS).save(FOLDER / f"{what}-{width}-{theme}.png", optimize=True)


if __name__ == "__main__":
    main()
