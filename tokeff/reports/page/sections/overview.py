"""What was measured, in one paragraph with the headline numbers; then what a reader must know first."""

from collections.abc import Iterator

from tokeff.records.runs import Profile
from tokeff.reports.cautions import cautions
from tokeff.reports.numbers import digits, estimate, percent, quantity, several
from tokeff.reports.page.blocks import Cell, Message, Section, Table, cell, table
from tokeff.reports.retained import kept_share
from tokeff.reports.wording import quarantined, sentence


def overview(profile: Profile) -> Section:
    """The paragraph, a sentence per modality, and the whole table."""
    by_modality = {each.modality: each for each in reversed(profile.measurements)}
    first = [by_modality[m] for m in profile.population if m in by_modality]
    return Section(
        ident="measured",
        title="What was measured",
        lead=(_paragraph(profile), *(_capital(sentence(each)) for each in first)),
        blocks=(_summary(profile),),
    )


def _paragraph(profile: Profile) -> str:
    held = ", ".join(
        f"{several(population.n_items, f'{modality} item', f'{modality} items')} "
        f"({quantity(population.stored_bytes, 'B')} as stored)"
        for modality, population in profile.population.items()
    )
    sampled = any(each.coverage == "sample" for each in profile.measurements)
    n = len({(each.modality, each.tokenizer) for each in profile.measurements})
    return (
        f"The corpus holds {held}. {n} {'tokenizer was' if n == 1 else 'tokenizers were'} put to "
        f"{'a random sample of it' if sampled else 'all of it'}; "
        f"{profile.n_ok:,} of {profile.n_in:,} items were measured"
        + (f" and {several(profile.n_err, 'was', 'were')} quarantined." if profile.n_err else ", none failed.")
        + (f" {several(profile.n_ignored, 'item', 'items')} of other modalities left out." if profile.n_ignored else "")
    )


def _summary(profile: Profile) -> Table:
    columns = (
        "tokenizer", "modality", "bytes per token (95 %)", "kept", "tokens per stored GB", "bits per token",
        "bits per raw byte", "items", "raw bytes", "tokens", "errors",
    )  # fmt: skip
    rows = [
        (
            cell(each.tokenizer),
            cell(each.modality),
            cell(each.bytes_per_token.value, estimate(each.bytes_per_token)),
            cell(None) if (share := kept_share(each)) is None else cell(share, percent(share)),
            cell(per_gigabyte := 1e9 / each.stored_bytes_per_token.value, quantity(per_gigabyte)),
            number(each.rate_bits_per_token),
            number(each.rate_bits_per_byte),
            cell(each.n_items),
            cell(each.raw_bytes, quantity(each.raw_bytes, "B")),
            cell(each.n_tokens, quantity(each.n_tokens)),
            cell(each.n_errors),
        )
        for each in profile.measurements
    ]
    return table("Every tokenizer of the run", columns, rows)


def number(value: float | None, significant: int = 3) -> Cell:
    """A cell of a figure that may be absent."""
    return cell(None) if value is None else cell(value, digits(value, significant))


def alerts(profile: Profile) -> Section:
    """Everything that calls for care, or that nothing does."""
    messages = tuple(_messages(profile))
    lead = () if messages else ("Nothing calls for care: no errors, no wide interval, nothing lost unseen.",)
    return Section(ident="alerts", title="Before you believe it", lead=lead, blocks=messages)


def _messages(profile: Profile) -> Iterator[Message]:
    for caution in cautions(profile):
        yield Message(text=_capital(caution.sentence), about=", ".join(caution.about), code=caution.code)
    if profile.n_err:
        yield Message(text=f"{quarantined(profile)}. See Errors.", code="errors")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
