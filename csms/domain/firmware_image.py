"""Firmware images, and which of them is the newest for a station."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from csms.domain.transfers import StoredFile

_NUMBER_OR_WORD: Final = re.compile(r"\d+|[a-z]+")


class FirmwareImage(msgspec.Struct, frozen=True):
    """An image. No `models`: for all of that vendor. `signature` (base64) and `signing_certificate` (PEM) go
    together."""

    id: int
    file: StoredFile
    vendor: str
    models: tuple[str, ...]
    version: str
    min_version: str = ""
    notes: str = ""
    signature: str = ""
    signing_certificate: str = ""

    def suits(self, vendor: str, model: str) -> bool:
        """Is it for such stations? Letter case and spaces around do not count."""
        return _plain(self.vendor) == _plain(vendor) and (
            not self.models or _plain(model) in {_plain(each) for each in self.models}
        )


def _plain(text: str) -> str:
    return text.strip().casefold()


def version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts versions as people do: numbers by value, `1.10` after `1.9`, `1.0` after `1.0-rc1`."""
    parts: list[tuple[int, int, str]] = []
    for part in _NUMBER_OR_WORD.findall(version.casefold()):
        if part.isdecimal():
            parts.append((2, int(part), ""))
        elif part not in ("v", "version", "release"):
            _drop_zeros(parts)
            parts.append((0, 0, part))  # a word after a version makes it earlier: rc, beta
    _drop_zeros(parts)
    return (*parts, (1, 0, ""))


def _drop_zeros(parts: list[tuple[int, int, str]]) -> None:
    while parts and parts[-1] == (2, 0, ""):
        parts.pop()


def newest_first(images: Iterable[FirmwareImage]) -> Sequence[FirmwareImage]:
    """By version; of the same, the one that was uploaded last."""
    return sorted(images, key=lambda image: (version_key(image.version), image.id), reverse=True)


def newest_for(
    images: Iterable[FirmwareImage], vendor: str, model: str, current: str | None = None
) -> FirmwareImage | None:
    """The newest that suits. With `current` (the version that runs): only one that is newer than it, and that can be
    installed on it."""
    for image in newest_first(images):
        if not image.suits(vendor, model):
            continue
        if current is None:
            return image
        if version_key(image.version) <= version_key(current):
            return None
        if not image.min_version or version_key(current) >= version_key(image.min_version):
            return image
    return None
