"""Uses every public name as the documentation does. It is checked by pyright and never run.

pyright --project tests/types
"""

from typing import NoReturn

import quarva as qv

panel: qv.Panel = qv.sample_panel()
task = qv.Task(panel, target=qv.ForwardReturn(5), objective="rank_ic")
found: qv.Findings = qv.search(task, "gep", budget=50_000, seed=0, out="run")
print(found, found.best.formula.text, found.best.train, found.best.validation, found.evaluations)
for each in found:
    finding: qv.Finding = each
    print(finding.formula.latex, finding.signal(panel))
compared: qv.Comparison = qv.compare(task, ["gep", "policy"], budget=1_000, seeds=2, threads=1)
print(compared.table(), compared.level)
compared.save("comparison.html")
fitted: qv.Fitted = qv.Learner("conv1d", length=20).fit(task)
again: qv.Fitted = qv.fit(task, "dense", epochs=3, out="fit")
print(fitted.signal(panel), again.values(panel), fitted.train)
told = qv.distil(fitted, task)
print(told.best.formula)
swept: qv.Sweep = qv.sweep(qv.Learner(), task, rate=[1e-3, 1e-2])
print(swept)
model: qv.RiskModel = qv.RiskModel.default(panel)
neutral = qv.Task(panel, qv.ForwardReturn(1), risk=model)
members: qv.Set = qv.fit_set(neutral, ["rank(close)", "pct_change(close, 5)"])
print(members.signal(panel), members.weights)
formula = qv.Formula("rank(delta(close, 5))")
print(formula.signal(panel), qv.render(formula, "karva"))
expression: qv.Expression = qv.parse("rank(close)")
print(task.score([expression]).train, task.score("rank(close)").validation)
strategy = qv.Strategy(formula, qv.LongShort(0.2), cost_bps=5, delay=1)
performance: qv.Performance = strategy.run(panel)
print(performance.sharpe, qv.RankWeights(), qv.SignTiming(), qv.VolatilityScaled(qv.LongShort()))
stream = qv.Stream([formula], panel)
stream.save("state.npz")
print(qv.Stream.load("state.npz").signals())
table = qv.Table.read("rows.csv", target="y")
print(qv.search(qv.Task(table)).best)
field = qv.Task(panel, target=qv.Field("close", horizon=3))
print(field, qv.OPERATORS[0].name, qv.__version__)


def search_with(searcher: qv.Searcher) -> NoReturn:
    try:
        qv.search(task, searcher)
    except (
        qv.DeviceError,
        qv.FormulaError,
        qv.PanelError,
        qv.RecipeError,
        qv.RunError,
        qv.TaskError,
    ) as error:
        raise SystemExit(str(error)) from None
    except qv.QuarvaError:
        raise
    raise SystemExit(0)
