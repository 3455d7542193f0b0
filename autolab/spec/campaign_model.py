"""The campaign file, declared once: validation, documentation and JSON Schema come from here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from autolab.loop.notify import OCCASIONS, is_web_address
from autolab.spec.grammar import Cell, FileModel, Limits, Number, OpenFileModel, Range, Whole, shape, wrong

PARAMETER_TYPES = ("real", "integer", "ordinal", "categorical", "mixture")


class RealModel(FileModel):
    """A continuous quantity."""

    type: Literal["real"] = Field(examples=["real"])
    """Kind of parameter."""
    bounds: Range = Field(examples=[[0.5, 15]])
    """Least and greatest value, in `unit`."""
    unit: str = Field("", examples=["mL/min"])
    """Unit, as people write it."""
    log: bool = False
    """Spread designs and models over the logarithm; needs a positive lower bound."""

    @model_validator(mode="after")
    def _positive(self) -> RealModel:
        if self.log and self.bounds[0] <= 0:
            problem = f"a logarithmic parameter needs a lower bound above 0, got {self.bounds[0]:g}"
            raise wrong(problem, "Raise it, or leave `log` out", "bounds")
        return self


class IntegerModel(FileModel):
    """A whole number, both bounds included."""

    type: Literal["integer"] = Field(examples=["integer"])
    """Kind of parameter."""
    bounds: Annotated[list[Whole], Field(min_length=2, max_length=2)] = Field(examples=[[1, 8]])
    """Least and greatest value, in `unit`; both can occur."""
    unit: str = Field("", examples=["cycles"])
    """Unit, as people write it."""

    @model_validator(mode="after")
    def _rising(self) -> IntegerModel:
        if self.bounds[0] >= self.bounds[1]:
            problem = f"low must be less than high, got {self.bounds!r}"
            raise wrong(problem, "Write [low, high]; leave out what does not vary", "bounds")
        return self


class OrdinalModel(FileModel):
    """A number from an increasing list."""

    type: Literal["ordinal"] = Field(examples=["ordinal"])
    """Kind of parameter."""
    values: Annotated[list[Number], Field(min_length=2)] = Field(examples=[[1, 2, 5, 10]])
    """The numbers that can occur, each greater than the one before, in `unit`."""
    unit: str = Field("", examples=["mL"])
    """Unit, as people write it."""


class CategoricalModel(FileModel):
    """A choice between labels."""

    type: Literal["categorical"] = Field(examples=["categorical"])
    """Kind of parameter."""
    values: Annotated[list[Cell], Field(min_length=2)] = Field(examples=[["water", "ethanol"]])
    """The labels."""
    descriptors: dict[str, dict[str, Number]] | None = Field(
        None, examples=[{"water": {"polarity": 1.0}, "ethanol": {"polarity": 0.654}}]
    )
    """Label -> {descriptor: number}, the same descriptors for each label: they tell a planner which are alike."""


class MixtureModel(FileModel):
    """Amounts that add up to a total; each component is a key of the point."""

    type: Literal["mixture"] = Field("mixture", examples=["mixture"])
    """Kind of parameter; may be left out where `names` stands."""
    names: Annotated[list[str], Field(min_length=2)] = Field(examples=[["ec", "dmc", "salt"]])
    """The components."""
    total: Annotated[Number, Field(gt=0)] = Field(1.0, examples=[1])
    """What they add up to, in the unit of the components."""
    bounds: dict[str, Limits] | None = Field(None, examples=[{"salt": [0.2, 0.8]}])
    """Component -> [least, greatest] amount; 0 to `total` where left out."""
    at_most: Annotated[Whole, Field(ge=1)] | None = Field(None, examples=[3])
    """How many components may be present at once; an absent one is 0, whatever its lower bound."""


def _parameter_type(value: object) -> str | None:
    if not isinstance(value, dict):
        kind = getattr(value, "type", None)
        return f"<{kind}>" if kind else "<real>"
    kind = value.get("type", "mixture" if "names" in value else None)
    return f"<{kind}>" if isinstance(kind, str) else None


ParameterModel = Annotated[
    Annotated[RealModel, Tag("<real>")]
    | Annotated[IntegerModel, Tag("<integer>")]
    | Annotated[OrdinalModel, Tag("<ordinal>")]
    | Annotated[CategoricalModel, Tag("<categorical>")]
    | Annotated[MixtureModel, Tag("<mixture>")],
    Discriminator(_parameter_type),
]

CandidateTable = Annotated[
    Annotated[str, Tag("<text>")]
    | Annotated[list[dict[str, Cell]], Tag("<list>")]
    | Annotated[dict[str, list[Cell]], Tag("<mapping>")],
    Discriminator(shape),
]


class SpaceModel(FileModel):
    """What may vary: parameters by name, and constraints between them; or a table of candidates."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, ParameterModel]

    constraints: list[str] = Field(default_factory=list, examples=[["2.0 * salt + acid <= 1.6", "salt * acid <= 0.3"]])
    """Constraints between numeric parameters, in their units: sums, or formulas with `* / **`, `sqrt`, `log10`, ..."""
    candidates: CandidateTable | None = Field(None, examples=["candidates.csv"])
    """The only points that may be chosen: a CSV file (path from this file), a list of points, or columns."""

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters by name (a mixture by its label)."""
        return dict(self.model_extra or {})


class ObjectiveModel(FileModel):
    """A measured quantity to maximize, minimize or bring to a target."""

    goal: Literal["maximize", "minimize", "match"] = Field(examples=["maximize"])
    """What to do with it."""
    target: Number | None = Field(None, examples=[7.0])
    """What to match, in `unit`; only for `match`."""
    unit: str = Field("", examples=["mS/cm"])
    """Unit, as people write it."""

    @model_validator(mode="after")
    def _target(self) -> ObjectiveModel:
        if self.goal == "match" and self.target is None:
            raise wrong("goal `match` needs a target", "Add `target:` with the value to reach", "target")
        if self.goal != "match" and self.target is not None:
            problem = f"a target of {self.target:g} belongs to the goal `match`, not to {self.goal!r}"
            raise wrong(problem, "Remove it, or write `goal: match`", "target")
        return self


class CostModel(FileModel):
    """What a trial costs, where it depends on what has to change since the trial before."""

    base: Annotated[Number, Field(gt=0)] = Field(1.0, examples=[12])
    """What every trial costs, in `unit`."""
    change: dict[str, Annotated[Number, Field(ge=0)]] = Field(default_factory=dict, examples=[{"temperature": 30}])
    """Parameter -> what its change over the whole range costs beside (part of it for less), or that of a label."""
    unit: str = Field("", examples=["min"])
    """Unit of the cost, as people write it."""


Bounds = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[list[str], Tag("<list>")],
    Discriminator(shape),
]


class PlannerModel(OpenFileModel):
    """Who proposes the points; further keys are the planner's own options."""

    use: str = Field(examples=["bayes"])
    """Key of a planner, such as `bayes` or `sobol`."""
    batch: Annotated[Whole, Field(ge=1)] = Field(1, examples=[1])
    """Points proposed at once."""


class ProtocolModel(OpenFileModel):
    """The lab procedure of one attempt; further keys are the protocol's own settings."""

    use: str = Field(examples=["gravimetric"])
    """Key of a protocol."""
    with_: dict[str, str] = Field(default_factory=dict, alias="with", examples=[{"pump": "dosing"}])
    """Role in the protocol -> instrument of the lab, dotted for a component (`plate.heater`)."""
    replicates: Annotated[Whole, Field(ge=1)] = Field(1, examples=[3])
    """Times the measurement is repeated within one trial."""


class BudgetModel(FileModel):
    """What the campaign may use up. May be changed while it goes on."""

    trials: Annotated[Whole, Field(ge=1)] | None = Field(None, examples=[40])
    """Trials, whatever became of them."""
    hours: Annotated[Number, Field(gt=0)] | None = Field(None, examples=[48])
    """Lab time, h."""
    failure_streak: Annotated[Whole, Field(ge=1)] = Field(3, examples=[3])
    """Stop after so many attempts in a row that did not complete."""
    consumables: dict[str, Annotated[Number, Field(gt=0)]] = Field(default_factory=dict, examples=[{"PC": 200}])
    """Stock of the lab -> mL that may be drawn from its bottle."""
    target: dict[str, Bounds] = Field(default_factory=dict, examples=[{"conductivity": ">= 14"}])
    """Measured quantity -> bound (or list of bounds): stop once a feasible trial keeps all of them."""
    gain: Annotated[Number, Field(gt=0)] | None = Field(None, examples=[0.05])
    """Stop once the planner expects no point to gain more than this, in the objective's unit."""
    regret: Annotated[Number, Field(gt=0)] | None = Field(None, examples=[0.1])
    """Stop once the best trial lacks at most this with a probability of 95 %, in the objective's unit."""

    @model_validator(mode="after")
    def _ends(self) -> BudgetModel:
        if self.trials is None and self.hours is None and not self.consumables:
            raise wrong("the budget has no end", "Give `trials`, `hours`, or both; a target may never be reached")
        return self


class AfterModel(FileModel):
    """A person may decide; after a while the point is approved by itself."""

    after: Annotated[Number, Field(ge=0)] = Field(examples=[600])
    """How long to wait for a person, s of lab time."""


ReviewModel = Annotated[
    Annotated[Literal["auto", "ask"], Tag("<text>")] | Annotated[AfterModel, Tag("<mapping>")],
    Discriminator(lambda value: "<mapping>" if shape(value) == "<mapping>" else "<text>"),
]


Occasion = Literal["finish", "failure", "question"]


def _web_address(text: str) -> str:
    if not is_web_address(text):
        raise wrong(f"{text!r} is no web address", "Write it like https://host/path")
    return text


class NotifyModel(FileModel):
    """Whom to tell when a person is needed, something failed, or the campaign ends."""

    command: Annotated[str, Field(min_length=1)] | None = Field(None, examples=["notify-send"])
    """A command that gets the message as its last argument."""
    webhook: Annotated[str, AfterValidator(_web_address)] | None = Field(None, examples=["https://example.org/hook"])
    """A web address that gets a POST with JSON: `campaign`, `kind`, `text`, `trial` and more. Only its host is journaled."""
    on: Annotated[list[Occasion], Field(min_length=1)] = Field(
        default_factory=lambda: list(OCCASIONS), examples=[["finish", "failure", "question"]]
    )
    """What is told: the end of a run, an attempt that failed, a person who must decide; all without it."""

    @model_validator(mode="after")
    def _somebody(self) -> NotifyModel:
        if self.command is None and self.webhook is None:
            raise wrong("nobody is told", "Give `command`, `webhook`, or both")
        return self


class CampaignModel(FileModel):
    """A campaign: what to vary, what to reach, who proposes, how one point is performed, and for how long."""

    autolab: Literal[1] = Field(examples=[1])
    """Version of this file's grammar."""
    name: Annotated[str, Field(min_length=1)] = Field(examples=["electrolyte"])
    """What people call the campaign."""
    seed: Annotated[Whole, Field(ge=0, le=2**53 - 1)] = Field(0, examples=[7])
    """Everything random is derived from it."""
    space: SpaceModel = Field(examples=[{"rate": {"type": "real", "bounds": [0.5, 15], "unit": "mL/min"}}])
    """What may vary."""
    objectives: Annotated[dict[str, ObjectiveModel], Field(min_length=1)] = Field(
        examples=[{"conductivity": {"goal": "maximize", "unit": "mS/cm"}}]
    )
    """Measured quantities to reach, by name."""
    outcome_constraints: dict[str, Bounds] = Field(default_factory=dict, examples=[{"cost": "<= 0.9"}])
    """Measured quantities to keep within a bound (or a list of bounds)."""
    same_in_batch: list[str] = Field(default_factory=list, examples=[["temperature"]])
    """Parameters that must have one value in all points of a batch, such as the temperature of a plate."""
    cost: CostModel | None = Field(None, examples=[{"base": 12, "change": {"temperature": 30}, "unit": "min"}])
    """What a trial costs; all the same without it."""
    planner: PlannerModel = Field(examples=[{"use": "bayes", "batch": 1}])
    """Who proposes the points."""
    protocol: ProtocolModel = Field(examples=[{"use": "gravimetric", "with": {"pump": "dosing"}}])
    """How one point is performed."""
    lab: str | None = Field(None, examples=["lab.yaml"])
    """The lab file, as a path from this file."""
    budget: BudgetModel = Field(examples=[{"trials": 40, "hours": 48}])
    """How long the campaign may go on."""
    review: ReviewModel = Field("auto", examples=["auto", "ask", {"after": 600}])
    """Who approves a point: nobody, a person, or a person with so many seconds to object."""
    notify: NotifyModel | None = Field(None, examples=[{"command": "notify-send"}])
    """Whom to tell."""
