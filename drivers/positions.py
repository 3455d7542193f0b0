"""What became of a move in doubt, by the position alone."""

from __future__ import annotations

from autolab.model.actions import Intent, Reconciled


def settle(intent: Intent, at: float, slack: float, *, home: float) -> Reconciled:
    """Compare where it stands with where it was to go, and where it stood before.

    Args:
        intent: A move to a place in mm, or to `home`; its context has `position_mm`, from before.
        at: Where it stands, mm.
        slack: So near is there, mm.
        home: Where it stands once it was homed, mm.
    """
    wanted = home if intent.value == "home" else float(str(intent.value))
    before = intent.context.get("position_mm")
    if abs(at - wanted) <= slack:
        return Reconciled("happened", result={"position_mm": at}, why=f"it stands at {at:g} mm, where it was to go")
    if isinstance(before, int | float) and abs(at - before) <= slack:
        return Reconciled("not", why=f"it stands at {at:g} mm, where it stood before")
    why = f"it stands at {at:g} mm, on its way to {wanted:g}"
    return Reconciled("partial", amount=at, result={"position_mm": at}, why=why)
