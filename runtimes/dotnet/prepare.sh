#!/bin/sh
# Readies a copy of this folder for one .NET, once: `prepare.sh DOTNET VERSION`, in that folder. Where there is an SDK it
# builds the host of handlers of the form ASSEMBLY::TYPE::METHOD into lib/; without one there is nothing to do.
set -eu
dotnet=$1
major=${2%%.*}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
cp host/host.csproj host/Host.cs "$work/"
"$dotnet" publish "$work/host.csproj" -p:TargetFramework="net$major.0" --output "$work/lib" >&2
mv "$work/lib" lib
