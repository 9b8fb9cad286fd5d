"""Plans of floors, drawn: walls, lanes, bays with their numbers, stairs and pillars."""

from __future__ import annotations

from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from loadtest.demo.world import Floor, bay

WIDTH: Final = 1400
HEIGHT: Final = 780
PAPER: Final = (250, 250, 247)
WALL: Final = (58, 64, 72)
LANE: Final = (230, 232, 235)
LINE: Final = (150, 157, 166)
BAY: Final = (216, 234, 221)
TEXT: Final = (70, 76, 84)


def draw_plan(floor: Floor, stations: int) -> bytes:
    """A PNG. The bays are where `loadtest.demo.world.bay` says that their stations stand."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(picture)
    large, small = ImageFont.load_default(30), ImageFont.load_default(18)
    draw.rectangle((20, 20, WIDTH - 20, HEIGHT - 20), outline=WALL, width=9)
    draw.rectangle((60, HEIGHT * 0.4, WIDTH - 60, HEIGHT * 0.6), fill=LANE)
    for x in range(110, WIDTH - 110, 90):
        draw.rectangle((x, HEIGHT * 0.5 - 2, x + 45, HEIGHT * 0.5 + 2), fill=PAPER)
    _bays(draw, stations, small)
    for x in range(1, 6):  # pillars
        for y in (0.385, 0.615):
            middle = (WIDTH * x / 6, HEIGHT * y)
            draw.rectangle((middle[0] - 9, middle[1] - 9, middle[0] + 9, middle[1] + 9), fill=WALL)
    _stairs(draw, small)
    draw.rectangle((20, HEIGHT * 0.43, 34, HEIGHT * 0.57), fill=PAPER)
    draw.text((44, HEIGHT * 0.5), "IN", fill=TEXT, font=small, anchor="lm")
    # The font that comes with Pillow has few letters beside ASCII: the site's name is not on the plan.
    half = draw.textlength(floor.name, font=large) / 2 + 16
    draw.rectangle((WIDTH / 2 - half, HEIGHT * 0.46, WIDTH / 2 + half, HEIGHT * 0.54), fill=LANE)
    draw.text((WIDTH / 2, HEIGHT * 0.5), floor.name, fill=TEXT, font=large, anchor="mm")
    out = BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _bays(draw: ImageDraw.ImageDraw, stations: int, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> None:
    places = [bay(number, stations) for number in range(stations)]
    upper = sum(y < 0.5 for _, y in places)
    for number, (x, y) in enumerate(places, start=1):
        half = 0.84 / max(1, upper if y < 0.5 else stations - upper) * WIDTH / 2
        half = min(half, 90.0)
        top, bottom = (HEIGHT * 0.06, HEIGHT * 0.36) if y < 0.5 else (HEIGHT * 0.64, HEIGHT * 0.94)
        draw.rectangle((x * WIDTH - half + 3, top, x * WIDTH + half - 3, bottom), fill=BAY, outline=LINE, width=3)
        label = top + 18 if y < 0.5 else bottom - 18
        draw.text((x * WIDTH, label), f"{number:02d}", fill=TEXT, font=font, anchor="mm")


def _stairs(draw: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> None:
    left, top, right, bottom = WIDTH - 110, HEIGHT * 0.42, WIDTH - 29, HEIGHT * 0.58
    draw.rectangle((left, top, right, bottom), fill=PAPER, outline=WALL, width=3)
    steps = 8
    for step in range(1, steps):
        y = top + (bottom - top) * step / steps
        draw.line((left, y, right, y), fill=LINE, width=2)
    draw.text(((left + right) / 2, bottom + 12), "stairs", fill=TEXT, font=font, anchor="mm")
