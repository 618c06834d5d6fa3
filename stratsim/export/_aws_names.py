"""Names that AWS and file systems accept, made from names that people wrote."""

import re
from collections.abc import Iterable
from hashlib import sha256

# CodeDeploy API reference: application, deployment group and configuration names.
CODEDEPLOY_NAME_LENGTH = 100
# CodeDeploy User Guide, Create a deployment configuration: AWS keeps this prefix.
RESERVED_PREFIX = "CodeDeployDefault."
# A file name may hold 255 bytes on common file systems; this leaves room for
# prefix, suffix and the temporary name that it is written under first.
FILE_STEM_LENGTH = 120


def codedeploy_name(text: str) -> str:
    """Return `text` as a CodeDeploy name.

    Characters that CodeDeploy refuses become hyphens, runs of them one; a text
    without any other, or too long, gets a digest.
    """
    name = _squeeze(text, r"[^A-Za-z0-9+=,.@_-]+")
    if name.lower().startswith(RESERVED_PREFIX.lower()):
        name = "Custom." + name[len(RESERVED_PREFIX) :]
    return _fitted(name, text, CODEDEPLOY_NAME_LENGTH, set())


def file_stems(names: Iterable[str]) -> dict[str, str]:
    """Return a safe file stem for each name, different even where case is ignored.

    Stems hold ASCII letters, digits, dots, underscores and hyphens, and neither
    begin nor end with a dot, so no name can leave its folder.
    """
    order = list(dict.fromkeys(names))
    order.sort(key=lambda name: _stem(name) != name)  # stable: plain names first
    stems: dict[str, str] = {}
    for name in order:
        taken = {stem.casefold() for stem in stems.values()}
        stems[name] = _fitted(_stem(name), name, FILE_STEM_LENGTH, taken)
    return stems


def _stem(name: str) -> str:
    stem = _squeeze(name, r"[^A-Za-z0-9._-]+")
    return stem.strip("." if stem == name else ".-")


def _squeeze(text: str, refused: str) -> str:
    """Replace each run of refused characters by one hyphen, none at the ends."""
    name = re.sub(refused, "-", text)
    return name if name == text else name.strip("-")


def _fitted(name: str, text: str, length: int, taken: set[str]) -> str:
    """Return `name`, with a digest of `text` where it is empty, too long or taken."""
    if name and len(name) <= length and name.casefold() not in {t.casefold() for t in taken}:
        return name
    for salt in range(len(taken) + 2):
        digest = sha256(f"{salt}{text}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
        fitted = f"{name[: length - 9]}-{digest}".lstrip("-")
        if fitted.casefold() not in {t.casefold() for t in taken}:
            return fitted
    msg = f"no free name for {text!r}"
    raise RuntimeError(msg)
