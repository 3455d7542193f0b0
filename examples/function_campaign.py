"""A plain function instead of a lab: ten lines."""

import autolab as al


def evaluate(point: dict[str, float]) -> float:
    return 3 - (point["x"] - 0.3) ** 2 - 2 * (point["y"] - 0.6) ** 2


space = al.Space([al.Real("x", 0, 1), al.Real("y", 0, 1)])
problem = al.Problem(space, [al.Objective("height", goal="maximize")])
campaign = al.Campaign(problem, evaluate=evaluate, seed=7)
campaign.run(12)
print(campaign.best)
print(campaign.trials[["trial", "x", "y", "height"]].round(3).to_string(index=False))
