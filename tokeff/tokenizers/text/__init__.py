"""Families of text tokenizers: declared here, light; the code of each is imported when it is opened."""

from tokeff.tokenizers.families import Family, Parameter

FAMILIES: tuple[Family, ...] = (
    Family(
        name="bpe",
        modality="text",
        summary="subword vocabularies: tiktoken ranks, HF tokenizer.json, SentencePiece, Tekken",
        load="tokeff.tokenizers.text.bpe:load",
        parameters={
            "pattern": Parameter(
                type=str,
                default=None,
                help="split pattern of a tiktoken rank file, which does not carry one",
                choices=("gpt2", "cl100k", "o200k"),
            )
        },
        takes_artefact=True,
    ),
    Family(
        name="bytes",
        modality="text",
        summary="UTF-8 bytes as tokens: the identity baseline",
        load="tokeff.tokenizers.text.utf8:load",
    ),
)
