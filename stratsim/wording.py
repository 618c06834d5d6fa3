"""Numbers as people read them: three significant digits, with their unit."""

import math

NOTHING = "-"
"""Printed where a measure does not apply."""

_SIGNIFICANT = 3


def format_number(value: float | None) -> str:
    """Return `value` with three significant digits and thousands separators.

    >>> format_number(1234.56), format_number(0.012345), format_number(-7.0)
    ('1,230', '0.0123', '-7')
    """
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "unlimited" if value > 0 else "-unlimited"
    if value == 0:
        return "0"
    digits = _SIGNIFICANT - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    # Rounding may carry over: 999.7 has one decimal too many, 1,000 none.
    digits = max(0, _SIGNIFICANT - 1 - math.floor(math.log10(abs(rounded))))
    if digits > 8:
        return f"{rounded:.{_SIGNIFICANT - 1}e}"
    text = f"{rounded:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(number: int, one: str, many: str = "") -> str:
    """Return `number` with its noun, whose plural is `many` or has an s.

    >>> counted(1, "run"), counted(2000, "run"), counted(2, "strategy", "strategies")
    ('1 run', '2,000 runs', '2 strategies')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def format_span(seconds: float | None) -> str:
    """Return a length of time: ``4.5s``, ``5m03s``, ``1h05m`` or ``2d03h``.

    >>> format_span(3900), format_span(303), format_span(-90)
    ('1h05m', '5m03s', '-1m30s')
    """
    if seconds is None or not math.isfinite(seconds):
        return format_number(seconds)
    if seconds < 0:
        return f"-{format_span(-seconds)}"
    if seconds < 59.95:
        return f"{format_number(seconds)}s"
    if (whole := round(seconds)) < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if (whole := round(seconds / 60)) < 48 * 60:
        return f"{whole // 60}h{whole % 60:02d}m"
    whole = round(seconds / 3600)
    return f"{whole // 24}d{whole % 24:02d}h"


def format_value(value: float | None, unit: str) -> str:
    """Return `value` in `unit`, the unit of a measure.

    >>> format_value(1234.5, "USD"), format_value(0.0123, "share"), format_value(90, "s")
    ('$1,230', '1.23%', '1m30s')
    """
    if value is None or math.isnan(value):
        return NOTHING
    if unit == "s":
        return format_span(value)
    if unit in ("share", "probability") and math.isfinite(value):
        return f"{format_number(100 * value)}%"
    if unit == "USD":
        return f"-${format_number(-value)}" if value < 0 else f"${format_number(value)}"
    return format_number(value)


def with_unit(value: float | None, unit: str) -> str:
    """Return `value` in a sentence, with the unit's word where it has one.

    >>> with_unit(1234.5, "requests"), with_unit(90, "s")
    ('1,230 requests', '1m30s')
    """
    text = format_value(value, unit)
    return text if unit in ("s", "share", "probability", "USD", "") else f"{text} {unit}"


def format_interval(low: float | None, high: float | None, unit: str) -> str:
    """Return ``[low, high]``, or nothing where neither end is known."""
    ends = [end if end is not None and not math.isnan(end) else None for end in (low, high)]
    if ends == [None, None]:
        return ""
    return f"[{', '.join(format_value(end, unit) for end in ends)}]"
