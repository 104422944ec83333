"""Pictures that look like something: landscapes drawn by number, so that every run draws the same ones."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

Colour = tuple[int, int, int]
Size = tuple[int, int]

#: Everything is drawn this much larger and then reduced, which smooths the edges.
SUPERSAMPLING = 2


@dataclass(frozen=True)
class Light:
    """The colours of one time of day: sky from top to bottom, the sun, far and near land."""

    sky: tuple[Colour, Colour, Colour]
    sun: Colour
    far: Colour
    near: Colour


LIGHTS: tuple[Light, ...] = (
    Light(((38, 84, 148), (122, 172, 214), (244, 226, 196)), (255, 246, 214), (150, 176, 200), (24, 52, 48)),
    Light(((44, 30, 78), (206, 86, 92), (255, 190, 110)), (255, 226, 150), (170, 92, 110), (30, 18, 44)),
    Light(((10, 16, 44), (34, 52, 104), (92, 104, 150)), (236, 240, 255), (58, 72, 118), (6, 10, 26)),
    Light(((92, 150, 190), (190, 216, 222), (248, 240, 226)), (255, 255, 240), (176, 196, 196), (52, 78, 54)),
    Light(((70, 40, 92), (232, 132, 140), (255, 220, 196)), (255, 240, 214), (190, 132, 150), (66, 34, 58)),
    Light(((16, 70, 84), (64, 150, 150), (214, 232, 196)), (255, 250, 200), (96, 158, 152), (10, 44, 46)),
)

Foreground = Callable[[ImageDraw.ImageDraw, random.Random, Size, Colour], None]


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """``share`` of ``second`` (0 to 1) in ``first``."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def ridge(dice: random.Random, peaks: int, points: int, roughness: float) -> list[float]:
    """Heights 0 to 1 of a mountain ridge: some peaks, then the distance halved again and again."""
    heights = [dice.random() for _ in range(peaks + 1)]
    swing = 0.5
    while len(heights) < points:
        between = [
            (a + b) / 2 + dice.uniform(-swing, swing) for a, b in zip(heights, heights[1:], strict=False)
        ]
        heights = [height for pair in zip(heights, between, strict=False) for height in pair] + heights[-1:]
        swing *= roughness
    low, high = min(heights), max(heights)
    return [(height - low) / (high - low) for height in heights]


def _sky(size: Size, light: Light) -> Image.Image:
    top, middle, bottom = light.sky
    shade = Image.linear_gradient("L").resize(size)
    return ImageOps.colorize(shade, black=top, mid=middle, white=bottom)


def _sun(picture: Image.Image, light: Light, at: tuple[int, int], radius: int) -> None:
    reach = radius * 6
    # The gradient is darkest in the middle; at the middle of its edges it has come to 180.
    falling = [max(0, 180 - level) ** 2 * 150 // 180**2 for level in range(256)]
    glow = Image.radial_gradient("L").point(falling).resize((reach * 2, reach * 2))
    picture.paste(light.sun, (at[0] - reach, at[1] - reach), glow)
    box = (at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius)
    ImageDraw.Draw(picture).ellipse(box, fill=light.sun)


def _clouds(picture: Image.Image, dice: random.Random, light: Light) -> None:
    width, height = picture.width // 8, picture.height // 8
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    for _ in range(dice.randint(3, 7) * max(1, width // height)):
        x, y = dice.randrange(width), dice.randrange(height // 3)
        for _ in range(9):
            w, h = dice.randint(height // 12, height // 5), dice.randint(2, height // 40 + 3)
            left, top = x + dice.randint(-height // 6, height // 6), y + dice.randint(-4, 4)
            draw.ellipse((left - w, top - h, left + w, top + h), fill=dice.randint(40, 120))
    mask = mask.filter(ImageFilter.GaussianBlur(max(1.5, height / 60)))
    picture.paste(mix(light.sun, (255, 255, 255), 0.5), (0, 0), mask.resize(picture.size))


def _mountains(picture: Image.Image, dice: random.Random, light: Light, horizon: int) -> None:
    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    layers = dice.randint(3, 5)
    for layer in range(layers):
        share = layer / (layers - 1)
        tall = height * (0.34 - 0.2 * share) * dice.uniform(0.8, 1.2)
        base = horizon - height * 0.02 * (layers - 1 - layer)
        heights = ridge(dice, max(1, width // height), max(65, width // 24), dice.uniform(0.48, 0.6))
        step = width / (len(heights) - 1)
        line = [(i * step, base - h * tall) for i, h in enumerate(heights)]
        draw.polygon(
            [(0, height), *line, (width, height)], fill=mix(light.far, light.near, share**1.3 * 0.85)
        )


def _lake(picture: Image.Image, dice: random.Random, light: Light, horizon: int) -> None:
    width, height = picture.size
    depth = height - horizon
    mirrored = ImageOps.flip(picture.crop((0, max(0, horizon - depth), width, horizon))).resize(
        (width, depth)
    )
    water = Image.blend(mirrored, Image.new("RGB", mirrored.size, mix(light.sky[0], light.near, 0.3)), 0.4)
    draw = ImageDraw.Draw(water)
    for _ in range(160 * max(1, width // height)):
        y = int(depth * dice.random() ** 1.7)
        length = dice.randint(width // 200, width // 40) * (1 + y // (depth // 4 + 1))
        x = dice.randrange(-length, width)
        draw.line(
            (x, y, x + length, y), fill=mix(light.sky[2], light.sky[1], dice.random()), width=1 + y // 160
        )
    picture.paste(water, (0, horizon))


def pines(draw: ImageDraw.ImageDraw, dice: random.Random, size: Size, colour: Colour) -> None:
    """A row of firs along the lower edge, leaving a view in the middle."""
    width, height = size
    for _ in range(dice.randint(10, 18) * max(1, width // height)):
        x = dice.choice((dice.uniform(0, 0.36), dice.uniform(0.66, 1))) * width
        tall = dice.uniform(0.14, 0.36) * height
        foot = height * dice.uniform(0.98, 1.06)
        for tier in range(6):
            top, half = foot - tall + tier * tall / 8, tall * (0.05 + 0.035 * tier)
            draw.polygon([(x, top), (x - half, top + tall / 3.6), (x + half, top + tall / 3.6)], fill=colour)
        draw.rectangle((x - tall / 50, foot - tall / 4, x + tall / 50, foot), fill=colour)


def torii(draw: ImageDraw.ImageDraw, dice: random.Random, size: Size, colour: Colour) -> None:
    """A red gate that stands in the water, and cherry petals in the wind."""
    width, height = size
    unit = min(width, height) * dice.uniform(0.34, 0.46)
    middle, foot = width * dice.uniform(0.34, 0.66), height * dice.uniform(0.82, 0.9)
    red = mix((196, 44, 32), colour, 0.12)
    dark = mix(red, (20, 10, 16), 0.5)
    for side in (-1, 1):
        x = middle + side * unit * 0.36
        lean = side * unit * 0.03
        draw.polygon(
            [(x - unit * 0.045 - lean, foot - unit * 0.86), (x + unit * 0.045 - lean, foot - unit * 0.86)]
            + [(x + unit * 0.055, foot), (x - unit * 0.055, foot)],
            fill=red,
        )
        draw.rectangle((x - unit * 0.07, foot - unit * 0.06, x + unit * 0.07, foot), fill=dark)
    draw.rectangle(
        (middle - unit * 0.46, foot - unit * 0.68, middle + unit * 0.46, foot - unit * 0.61), fill=red
    )
    draw.rectangle(
        (middle - unit * 0.04, foot - unit * 0.84, middle + unit * 0.04, foot - unit * 0.64), fill=dark
    )
    for rise, thick, paint in ((0.86, 0.07, red), (0.93, 0.07, dark)):
        top = foot - unit * rise
        draw.polygon(
            [
                (middle - unit * 0.62, top - unit * 0.06),
                (middle, top),
                (middle + unit * 0.62, top - unit * 0.06),
            ]
            + [(middle + unit * 0.58, top + unit * thick * 0.7), (middle, top + unit * thick)]
            + [(middle - unit * 0.58, top + unit * thick * 0.7)],
            fill=paint,
        )
    for _ in range(140):
        x, y, radius = dice.random() * width, dice.random() * height, unit * dice.uniform(0.006, 0.016)
        petal = mix((255, 196, 214), (255, 236, 240), dice.random())
        draw.ellipse((x - radius, y - radius * 0.6, x + radius, y + radius * 0.6), fill=petal)


def pagoda(draw: ImageDraw.ImageDraw, dice: random.Random, size: Size, colour: Colour) -> None:
    """Five roofs among round trees on the shore."""
    width, height = size
    unit = min(width, height) * dice.uniform(0.07, 0.09)
    middle, foot = width * dice.uniform(0.3, 0.7), height * 1.0
    for tier in range(5):
        half, top = unit * (1.5 - 0.2 * tier), foot - unit * (1.5 + 1.15 * tier)
        wall = mix((150, 52, 40), colour, 0.35)
        draw.rectangle((middle - half * 0.62, top, middle + half * 0.62, top + unit * 1.6), fill=wall)
        draw.rectangle(
            (middle - half * 0.2, top + unit * 0.5, middle + half * 0.2, top + unit), fill=(255, 214, 130)
        )
        edge = [(middle - half * 1.35, top + unit * 0.12), (middle - half * 0.5, top - unit * 0.42)]
        edge += [(2 * middle - x, y) for x, y in reversed(edge)]
        draw.polygon(edge, fill=mix(colour, (12, 10, 22), 0.5))
    draw.line((middle, foot - unit * 6.3, middle, foot - unit * 8), fill=colour, width=max(2, int(unit / 9)))
    for _ in range(46 * max(1, width // height)):
        x, radius = dice.random() * width, unit * dice.uniform(0.5, 1.2)
        y = height + radius * dice.uniform(-0.4, 0.5)
        leaf = mix(mix((226, 120, 150), (250, 190, 205), dice.random()), colour, 0.25)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=leaf)


def _title(picture: Image.Image, text: str) -> None:
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(min(picture.size) // 18)
    edge = min(picture.size) // 22
    draw.text((edge + 2, edge + 2), text, font=font, fill=(0, 0, 0))
    draw.text((edge, edge), text, font=font, fill=(255, 255, 255))


def landscape(number: int, size: Size, *, foreground: Foreground, title: str = "") -> Image.Image:
    """The landscape with that number, in pixels of ``size``; the same number is the same picture."""
    dice = random.Random(number)
    light = LIGHTS[number % len(LIGHTS)]
    large = (size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING)
    picture = _sky(large, light)
    horizon = int(large[1] * dice.uniform(0.56, 0.68))
    radius = int(min(large) * dice.uniform(0.035, 0.07))
    _clouds(picture, dice, light)
    _sun(
        picture,
        light,
        (int(large[0] * dice.uniform(0.2, 0.8)), int(large[1] * dice.uniform(0.18, 0.4))),
        radius,
    )
    _mountains(picture, dice, light, horizon)
    _lake(picture, dice, light, horizon)
    foreground(ImageDraw.Draw(picture), dice, large, light.near)
    picture = picture.reduce(SUPERSAMPLING)
    if title:
        _title(picture, title)
    return picture


def grain(picture: Image.Image, strength: float) -> Image.Image:
    """The same picture as a small sensor sees it; ``strength`` is the deviation in levels of 255."""
    noise = Image.effect_noise(picture.size, strength)
    return ImageChops.add(picture, Image.merge("RGB", (noise, noise, noise)), 1, -128)
