"""From a folder to a decision: measure, compare, plan."""

# %% [markdown]
# # From a folder to a decision
# Measure a corpus, compare tokenizers on the same items, and plan with the result. Runs as a script, or cell by cell in
# an editor or notebook that knows `# %%`. The corpus here are tokeff's own samples; put your folder in its place.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

import tokeff

corpus = Path(__file__).parents[1] / "data_samples"
folder = TemporaryDirectory()
run = Path(folder.name) / "first"

# %% [markdown]
# ## Measure
# Every paragraph is an item; `run` keeps everything, with `report.html` to look at. A Profile shows itself as a table
# in a notebook, and is one: `to_arrow()`, `to_pandas()`.

# %%
profile = tokeff.profile(corpus / "text", tokenizers=["tekken", "bytes"], unit="paragraph", out=run)
print(profile)
for row in profile.rows():
    print(f"{row['tokenizer']}: {row['bytes_per_token']:.3f} bytes per token, {row['n_tokens']:,} tokens")

# %% [markdown]
# ## Compare
# The same items through both tokenizers, so differences are paired. A winner is named only beyond chance.

# %%
comparison = tokeff.compare(run, baseline="bytes")
print(comparison)
found = comparison.contrast("text", "bytes_per_token", "tekken")
assert found is not None
print(
    f"tekken: {found.value:.2f} times the bytes per token of bytes, 95 % interval {found.low:.2f} to {found.high:.2f}"
)
hardest = min((each for each in comparison.groups if each.system == "tekken"), key=lambda each: each.ratio)
print(f"least is gained on {hardest.group}: {hardest.ratio:.2f} times")

# %% [markdown]
# ## Plan
# What two terabytes of such text mean for a model of seven billion parameters.

# %%
plan = tokeff.plan(run, corpus={"text": "2TB"}, parameters="7B")
scenario = plan.scenarios[0]
print(f"tokens: {scenario.modalities[0].tokens.value:.3g}")
for each in scenario.losses:
    marked = " (outside the range it was fitted on)" if each.loss.extrapolates else ""
    print(f"{each.law}: {each.loss.value:.3f} {each.loss.unit}{marked}")

# %%
folder.cleanup()
