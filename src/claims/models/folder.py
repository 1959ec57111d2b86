"""Folders with ``config.json`` and safetensors, as Hugging Face's libraries write them. Pickled weights stay closed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.errors import ModelError
from claims.models.architecture import check_architecture, check_tensors
from claims.models.checkpoint import Checkpoint, as_float32, readers_missing
from claims.models.fields import named, read_json, shown
from claims.models.folder_config import architecture_of
from claims.models.tokenizer import tokenizer_of_folder

if TYPE_CHECKING:
    from torch import Tensor

_PARTS = {
    "attention_norm": "input_layernorm.weight",
    "q": "self_attn.q_proj.weight",
    "k": "self_attn.k_proj.weight",
    "v": "self_attn.v_proj.weight",
    "o": "self_attn.o_proj.weight",
    "q.bias": "self_attn.q_proj.bias",
    "k.bias": "self_attn.k_proj.bias",
    "v.bias": "self_attn.v_proj.bias",
    "q_norm": "self_attn.q_norm.weight",
    "k_norm": "self_attn.k_norm.weight",
    "mlp_norm": "post_attention_layernorm.weight",
    "gate": "mlp.gate_proj.weight",
    "up": "mlp.up_proj.weight",
    "down": "mlp.down_proj.weight",
}
_OUTER = {"embedding": "model.embed_tokens.weight", "norm": "model.norm.weight", "head": "lm_head.weight"}
_DTYPES = ("F32", "F16", "BF16", "F64")
#: Stored by old versions, and computed from the configuration by all.
_COMPUTED = "rotary_emb.inv_freq"


def name_in_folder(name: str) -> str:
    """The safetensors name of a tensor: "layers.3.q" is model.layers.3.self_attn.q_proj.weight."""
    if name in _OUTER:
        return _OUTER[name]
    _, layer, part = name.split(".", 2)
    return f"model.layers.{layer}.{_PARTS[part]}"


def open_folder(folder: Path) -> Checkpoint:
    """Open a folder of the Llama, Qwen2 or Qwen3 family.

    Raises:
        ModelError: a file is missing or damaged, the architecture is another one, or a tensor is not as it has to be.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise ModelError(f"{folder}: no config.json; allowed: a folder with config.json and safetensors")
    config = read_json(path)
    files = _weight_files(folder)
    shapes = _shapes(files)
    architecture = architecture_of(path, config, shapes)
    if architecture.tied and _OUTER["head"] in shapes:
        if _has_own_head(files, shapes):
            architecture = architecture_of(path, config, shapes, tied=False)
        else:
            shapes.pop(_OUTER["head"])
    check_architecture(architecture, path, tensors=len(shapes))
    names = {name: name_in_folder(name) for name in architecture.shapes()}
    check_tensors(architecture, folder, names, shapes)
    return Checkpoint(
        path=folder,
        architecture=architecture,
        tensor=lambda name: _tensor(files[names[name]], names[name]),
        tokenizer=lambda: tokenizer_of_folder(folder),
    )


def _has_own_head(files: dict[str, Path], shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether a head is stored that is not the embedding; then it is the head, whatever the configuration says.

    Some writers store the embedding twice. The rule is that of transformers 5, and of GGUF files.
    """
    head, embedding = _OUTER["head"], _OUTER["embedding"]
    if shapes[head] != shapes.get(embedding):
        return True
    return not _tensor(files[head], head).equal(_tensor(files[embedding], embedding))


def _weight_files(folder: Path) -> dict[str, Path]:
    """Which file has each tensor."""
    index, single = folder / "model.safetensors.index.json", folder / "model.safetensors"
    if index.is_file():
        return _indexed(folder, index)
    if not single.is_file():
        pickled = sorted(path.name for path in folder.glob("pytorch_model*.bin"))
        hint = f"; {pickled[0]} is a pickle, which is never opened: convert it to safetensors" if pickled else ""
        raise ModelError(f"{folder}: no model.safetensors{hint}")
    return dict.fromkeys(_stored_names(single), single)


def _indexed(folder: Path, index: Path) -> dict[str, Path]:
    """The same of a folder with several files: the index and the files say the same."""
    where = read_json(index).get("weight_map")
    if not isinstance(where, dict) or any(not isinstance(file, str) or not file for file in where.values()):
        raise ModelError(f"{index}: weight_map has to give a file of this folder for each tensor")
    there = {path.name for path in folder.glob("*.safetensors")}
    for file in sorted(set(where.values())):
        if file not in there:
            what = "is missing" if Path(file).name == file else "is not a file of this folder"
            raise ModelError(f"{folder}: {named(file)} {what}, which {index.name} names; allowed: its safetensors")
    files = {name: folder / file for name, file in where.items()}
    for path in sorted(set(files.values())):
        stored, listed = _stored_names(path), {name for name, file in files.items() if file == path}
        if listed - stored:
            missing = named(min(listed - stored))
            raise ModelError(f"{path}: tensor {missing} is missing, which the index says is there")
        if stored - listed:
            got = f"tensor {named(min(stored - listed))} is there"
            raise ModelError(f"{path}: {got}, of which {index.name} says nothing; allowed: what it names")
    return files


def _stored_names(path: Path) -> set[str]:
    with _opened(path) as file:
        return set(file.keys())


def _opened(path: Path) -> Any:
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError as error:
        raise readers_missing(error) from None
    try:
        return safe_open(str(path), framework="pt")
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: truncated or damaged ({shown(str(error))})") from None


def _shapes(files: dict[str, Path]) -> dict[str, tuple[int, ...]]:
    """Shapes of all tensors, their dtypes checked; what is computed from the configuration is left out."""
    shapes: dict[str, tuple[int, ...]] = {}
    for path in sorted(set(files.values())):
        with _opened(path) as file:
            for name in (name for name, where in files.items() if where == path and not name.endswith(_COMPUTED)):
                stored = file.get_slice(name)
                if stored.get_dtype() not in _DTYPES:
                    allowed = ", ".join(_DTYPES)
                    raise ModelError(f"{path}: tensor {named(name)} is {stored.get_dtype()}; allowed: {allowed}")
                shapes[name] = tuple(stored.get_shape())
    return shapes


def _tensor(path: Path, name: str) -> Tensor:
    with _opened(path) as file:
        values: Tensor = file.get_tensor(name)
    return as_float32(path, name, values)
