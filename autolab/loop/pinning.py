"""What a journal pins of its campaign, and what happens when the files no longer say the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from autolab.journal.canonical import as_json
from autolab.model.errors import CampaignChanged

if TYPE_CHECKING:
    from autolab.journal.journal import Journal
    from autolab.journal.reading import Readable
    from autolab.model.actions import JSON
    from autolab.model.trial import Fidelity

OnChange = Literal["refuse", "accept", "supersede"]


@dataclass(frozen=True)
class Declared:
    """A campaign as its files (or its maker in Python) declare it now.

    Attributes:
        name: Of the campaign.
        fidelity: Whether hardware or simulators answer.
        digests: Part (`problem`, `planner`, `protocol`, `lab`, `seed`) -> digest of what was parsed. Pinned.
        parts: Part -> what was parsed, so that a reader of the journal needs no file.
        settings: Budget, review, notify: may change, and are journaled as amendments.
        versions: Of the packages that took part; journaled, not pinned.
    """

    name: str
    seed: int
    fidelity: Fidelity
    digests: Mapping[str, str]
    parts: Mapping[str, JSON] = field(default_factory=dict)
    settings: Mapping[str, JSON] = field(default_factory=dict)
    versions: Mapping[str, JSON] = field(default_factory=dict)

    def opened(self, supersedes: int | None) -> dict[str, JSON]:
        """Return the body of the journal's `opened`."""
        return {
            "name": self.name,
            "seed": self.seed,
            "fidelity": self.fidelity,
            "digests": dict(self.digests),
            "declaration": dict(self.parts),
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "supersedes": supersedes,
        }


def settings_of(thing: object) -> dict[str, JSON]:
    """Return the class and the settings of a planner or protocol, as a journal pins them.

    Its settings are the fields of a dataclass, of a pydantic model, or of its `settings`.
    """
    inner = getattr(thing, "settings", thing)
    if dataclasses.is_dataclass(inner) and not isinstance(inner, type):
        fields = dataclasses.asdict(inner)
    elif hasattr(inner, "model_dump"):
        fields = inner.model_dump(mode="json")
    else:
        fields = {name: repr(value) for name, value in sorted(vars(inner).items()) if not name.startswith("_")}
    kind = type(thing)
    return {"use": f"{kind.__module__}:{kind.__qualname__}", "with": as_json(fields)}


def settings_in_force(reader: Readable, campaign: int) -> dict[str, JSON]:
    """Return budget, review and the like as a journal has them now, amendments included; `versions.NAME` too.

    Args:
        reader: Of the journal.
        campaign: Number of the campaign in it.
    """
    return _Pinned.read(reader, campaign).settings


def parts_in_force(reader: Readable, campaign: int) -> dict[str, JSON]:
    """Return problem, planner, protocol, lab and so on as a journal has them, accepted changes included."""
    parts: dict[str, JSON] = {}
    for event in reader.events(campaign=campaign, kinds=("opened", "change_accepted")):
        parts |= _mapping(event.body.get("declaration"))
    return parts


def pin(journal: Journal, declared: Declared, on_change: OnChange, by: str) -> None:
    """Open a new campaign in the journal, or make sure that the one it holds is the same.

    Raises:
        CampaignChanged: It is another one, and `on_change` does not allow that.
    """
    if journal.campaign == 0:
        journal.append("opened", declared.opened(None))
        return
    pinned = _Pinned.read(journal, journal.campaign)
    if pinned.fidelity != declared.fidelity:
        msg = (
            f"the journal {journal.path} holds a {pinned.fidelity} campaign and this run is {declared.fidelity}: "
            "results of the two are never mixed. Name another journal with --journal"
        )
        raise CampaignChanged(msg)
    changed = [part for part in declared.digests if declared.digests[part] != pinned.digests.get(part)]
    if changed and on_change == "refuse":
        raise CampaignChanged(_refusal(journal, changed))
    if changed and on_change == "supersede":
        journal.append("opened", declared.opened(journal.campaign))
        return
    if changed:
        changes: dict[str, JSON] = {
            part: {"old": pinned.digests.get(part), "new": declared.digests[part]} for part in changed
        }
        journal.append("change_accepted", {"changes": changes, "by": by, "declaration": dict(declared.parts)})
    _amend(journal, declared, pinned)


def _refusal(journal: Journal, changed: list[str]) -> str:
    return (
        f"the {' and '.join(changed)} of this campaign changed since the journal {journal.path} was begun. "
        "Undo the change to go on as before; or run with --supersede to begin a campaign that inherits the history; "
        "or with --accept-change to go on in the same campaign (journaled; decisions may no longer replay)"
    )


def _amend(journal: Journal, declared: Declared, pinned: _Pinned) -> None:
    new: dict[str, JSON] = {**declared.settings, **{f"versions.{k}": v for k, v in declared.versions.items()}}
    amended: dict[str, JSON] = {
        key: {"old": pinned.settings.get(key), "new": value}
        for key, value in new.items()
        if pinned.settings.get(key) != as_json(value)  # as it was read back: a tuple came back as a list
    }
    if amended:
        journal.append("amended", amended)


@dataclass
class _Pinned:
    fidelity: JSON
    digests: dict[str, JSON]
    settings: dict[str, JSON]

    @classmethod
    def read(cls, journal: Readable, campaign: int) -> _Pinned:
        pinned = cls(None, {}, {})
        kinds = ("opened", "amended", "change_accepted")
        for event in journal.events(campaign=campaign, kinds=kinds):
            pinned._take(event.kind, event.body)
        return pinned

    def _take(self, kind: str, body: Mapping[str, JSON]) -> None:
        if kind == "opened":
            self.fidelity = body["fidelity"]
            self.digests = dict(_mapping(body["digests"]))
            self.settings = dict(_mapping(body.get("settings")))
            self.settings |= {f"versions.{k}": v for k, v in _mapping(body.get("versions")).items()}
        elif kind == "amended":
            self.settings |= {key: _mapping(change)["new"] for key, change in body.items()}
        else:
            self.digests |= {part: _mapping(change)["new"] for part, change in _mapping(body["changes"]).items()}


def _mapping(value: JSON) -> Mapping[str, JSON]:
    return value if isinstance(value, dict) else {}
