"""The study file, declared once: validation and documentation come from here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from autolab.spec.grammar import FileModel, Number, OpenFileModel, Whole, wrong


class EntrantModel(OpenFileModel):
    """A planner; further keys are its own options."""

    use: str | None = Field(None, examples=["bayes"])
    """Key of a planner, such as `bayes`, `sobol` or `random`; the name that it goes by here where left out."""


NoiseModel = Annotated[
    Annotated[Literal["replicates"], Tag("<text>")] | Annotated[Annotated[Number, Field(ge=0)], Tag("<number>")],
    Discriminator(lambda value: "<text>" if isinstance(value, str) else "<number>"),
]


class AskModel(FileModel):
    """A problem whose truth is known, and how many trials there are for it."""

    use: str | None = Field(None, examples=["branin"])
    """Key of a problem; the name that it goes by here where left out."""
    budget: Annotated[Whole, Field(ge=1)] = Field(examples=[50])
    """Trials, starts included."""
    batch: Annotated[Whole, Field(ge=1)] = Field(1, examples=[5])
    """Points asked for at once."""
    starts: Annotated[Whole, Field(ge=0)] = Field(2, examples=[2])
    """Points at random that every planner is given first; with 0 each begins by itself."""
    noise: NoiseModel = Field(0.0, examples=[0.1, "replicates"])
    """Standard deviation of what is measured, in its unit; or `replicates`: one of a pool's replicates is drawn."""
    errors: bool = False
    """Whether the planners are told the standard error."""

    @model_validator(mode="after")
    def _room(self) -> AskModel:
        if self.budget <= self.starts:
            problem = f"a budget of {self.budget} leaves nothing to propose after {self.starts} starts"
            raise wrong(problem, "Raise it, or lower `starts`", "budget")
        return self


class StudyModel(FileModel):
    """A study: planners x problems x seeds."""

    autolab: Literal[1] = Field(examples=[1])
    """Version of this file's grammar."""
    name: Annotated[str, Field(min_length=1)] = Field(examples=["defaults"])
    """What people call the study."""
    planners: Annotated[dict[str, EntrantModel], Field(min_length=1)] = Field(
        examples=[{"bayes": {}, "careful": {"use": "bayes", "initial": 12}, "random": {}}]
    )
    """Planners by the name that tables give them."""
    problems: Annotated[dict[str, AskModel], Field(min_length=1)] = Field(examples=[{"branin": {"budget": 30}}])
    """Problems by the name that tables give them."""
    seeds: Annotated[Whole, Field(ge=1)] = Field(20, examples=[20])
    """How often each planner does each problem."""
    first_seed: Annotated[Whole, Field(ge=0)] = Field(0, examples=[1000])
    """The first seed; the others follow. Tune on some seeds and report others."""
    data: str | None = Field(None, examples=["../data"])
    """Folder with the files of pools, as a path from this file."""
