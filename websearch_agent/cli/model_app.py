"""The command `model`: which model answers, how to serve one, whether a server will do."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from websearch_agent.cli.running import EXIT_FAILED, quiet_settings, run

model_app = typer.Typer(
    help="Models: their profiles, serving them with vLLM, trying out a server.",
    no_args_is_help=True,
)


class HubName(StrEnum):
    huggingface = "huggingface"
    modelscope = "modelscope"


class DeviceName(StrEnum):
    auto = "auto"
    cuda = "cuda"
    cpu = "cpu"


ProfileArgument = Annotated[
    str, typer.Argument(metavar="PROFILE", help="A name of `model list`, or a TOML file.")
]
HubOption = Annotated[HubName, typer.Option(help="Where the weights come from.")]


@model_app.command("list")
def model_list() -> None:
    """All profiles; * marks the one in force."""
    from websearch_agent.cli.model_profiles import list_profiles

    run(list_profiles(quiet_settings()))


@model_app.command("show")
def model_show(profile: ProfileArgument) -> None:
    """All that a profile says, and the command that serves it."""
    from websearch_agent.cli.model_profiles import show_profile

    show_profile(profile)


@model_app.command("serve")
def model_serve(
    profile: ProfileArgument,
    extra: Annotated[
        list[str] | None, typer.Argument(help="After --: passed on to vLLM as it is.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8001,
    model: Annotated[
        str | None, typer.Option(help="Folder or repository instead of the profile's.")
    ] = None,
    served_name: Annotated[str | None, typer.Option(help="Name under which it is served.")] = None,
    device: Annotated[
        DeviceName, typer.Option(help="auto: cuda if a GPU's driver is there, else cpu.")
    ] = DeviceName.auto,
    window: Annotated[
        int | None, typer.Option(help="Tokens of prompt and answer together.", min=2048)
    ] = None,
    hub: HubOption = HubName.huggingface,
    quantization: Annotated[str | None, typer.Option(help="Of the weights, as for vLLM.")] = None,
    tensor_parallel: Annotated[
        int | None, typer.Option(help="GPUs to spread it over.", min=1)
    ] = None,
    gpu_memory: Annotated[
        float | None, typer.Option(help="Share of the GPU's memory.", min=0.05, max=1)
    ] = None,
    chat_template: Annotated[str | None, typer.Option(help="Jinja file for the chat.")] = None,
    vllm: Annotated[Path | None, typer.Option(help="The vllm executable. Else: on PATH.")] = None,
    print_only: Annotated[bool, typer.Option("--print", help="Only print the command.")] = False,
    for_compose: Annotated[
        bool, typer.Option("--for-compose", help="Only print the lines for Compose's .env.")
    ] = False,
) -> None:
    """Serve a profile's model with vLLM, which lives in an environment of its own."""
    from websearch_agent.cli.serve_model import (
        choose_device,
        kv_cache_gib,
        print_for_compose,
        serve_profile,
    )
    from websearch_agent.models.vllm_command import ServeOptions

    options = ServeOptions(
        host=host,
        port=port,
        model=model,
        served_name=served_name,
        device=choose_device(device.value),
        window=window,
        hub=hub.value,
        quantization=quantization,
        tensor_parallel=tensor_parallel,
        gpu_memory=gpu_memory,
        chat_template=chat_template,
        cpu_kv_cache_gib=kv_cache_gib(),
        extra=tuple(extra or ()),
    )
    if for_compose:
        print_for_compose(profile, options)
    else:
        serve_profile(profile, options, vllm, print_only=print_only)


@model_app.command("pull")
def model_pull(
    profile: Annotated[
        str | None, typer.Argument(metavar="[PROFILE]", help="Unset: the embedded model.")
    ] = None,
    hub: HubOption = HubName.huggingface,
) -> None:
    """Download the embedded model's weights now instead of at the first start, or a profile's."""
    if profile is None:
        from websearch_agent.cli.model_command import pull_weights

        run(pull_weights(quiet_settings()))
    else:
        from websearch_agent.cli.serve_model import pull_repository

        pull_repository(profile, hub.value)


@model_app.command("check")
def model_check(
    url: Annotated[str | None, typer.Option(help="Base URL, like WEBSEARCH_MODEL_URL.")] = None,
    name: Annotated[str | None, typer.Option(help="Model, like WEBSEARCH_MODEL_NAME.")] = None,
    key_from_env: Annotated[
        str | None, typer.Option(metavar="VARIABLE", help="Where the server's key is.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Try out the configured model, or the one at --url. Exit 1 if the agent cannot use it."""
    from websearch_agent.cli.model_command import check_model, settings_of_check

    settings = settings_of_check(quiet_settings(), url=url, name=name, key_variable=key_from_env)
    if not run(check_model(settings, as_json=as_json)):
        raise typer.Exit(EXIT_FAILED)
