"""Makes a Llama of random weights (about half a megabyte) for the contract tests.

    python make_tiny_llama.py FOLDER

Runs in the vLLM environment, which has torch, transformers and tokenizers. The weights are
random but the same each time; the tokenizer is trained on the standard library, whose English
is enough for prompts of a few hundred tokens. Its chat template is ChatML with tools, in the
form that vLLM's parser `hermes` reads. What it writes is nonsense: only what the server does
around it can be tested.
"""

import sys
import sysconfig
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

WINDOW = 4096
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHAT_TEMPLATE = """\
{%- if tools %}<|im_start|>system
{% if messages[0].role == "system" %}{{ messages[0].content }}

{% endif %}# Tools
<tools>
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}</tools>
Call one by writing <tool_call>{"name": …, "arguments": {…}}</tool_call>.<|im_end|>
{% endif %}
{%- for message in messages %}
{%- if not (tools and loop.first and message.role == "system") %}<|im_start|>
{{- "user" if message.role == "tool" else message.role }}
{% if message.role == "tool" %}<tool_response>
{{ message.content }}
</tool_response>{% else %}{{ message.content or "" }}{% endif %}
{%- for call in message.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def train_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE: every text can be written, and nothing is unknown."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1536,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=list(SPECIAL_TOKENS),
        show_progress=False,
    )
    library = Path(sysconfig.get_path("stdlib"))
    texts = [
        path.read_text(encoding="utf-8", errors="replace") for path in library.glob("[a-h]*.py")
    ]
    bpe.train_from_iterator(sorted(texts), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=SPECIAL_TOKENS[0],
        eos_token=SPECIAL_TOKENS[2],
        pad_token=SPECIAL_TOKENS[0],
        model_max_length=WINDOW,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def make_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    torch.manual_seed(20_261_123)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=WINDOW,
        initializer_range=0.5,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        _prefer_plain_text(model, tokenizer)
    return model.to(torch.bfloat16)


def _prefer_plain_text(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Parts of characters, blanks and the end are written only where nothing else is allowed.

    Else a reply has no text to stream, or is one blank after the other within a schema. The first
    dimension is the same at every place, so its weight in the last layer is a bias.
    """
    model.model.embed_tokens.weight[:, 0] = 4.0
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight[0] = 0.0
        layer.mlp.down_proj.weight[0] = 0.0
    for token in range(len(tokenizer)):
        text = tokenizer.decode([token])
        plain = text.isascii() and text.isprintable() and bool(text.strip())
        special = text in SPECIAL_TOKENS
        model.lm_head.weight[token, 0] = 0.0 if plain and not special else -100.0


def main(folder: str) -> None:
    tokenizer = train_tokenizer()
    make_model(tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main(sys.argv[1])
