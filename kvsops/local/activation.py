"""A file for a shell to source, by which its AWS clients use the emulator; and what undoes it."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from kvsops.local.environment import scripts_directory

MARK: Final = "(kvsops) "
"""What stands before the prompt meanwhile."""
LEAVE: Final = "kvsops_leave"
"""The function that undoes it; it works also where the emulator and the file are gone."""

_POSIX: Final = """\
# The emulator of kvsops local at {endpoint_url}: source this file to use it in this shell.
# {leave} gives the shell back what it had.
if command -v {leave} >/dev/null 2>&1; then {leave}; fi
{leave}() {{
    for _kvsops_name in {names}; do
        if eval "[ \\"\\${{_kvsops_old_$_kvsops_name+set}}\\" ]"; then
            eval "export $_kvsops_name=\\"\\$_kvsops_old_$_kvsops_name\\""
        else
            unset "$_kvsops_name"
        fi
        unset "_kvsops_old_$_kvsops_name"
    done
    if [ "${{_kvsops_old_PS1+set}}" ]; then PS1=$_kvsops_old_PS1; fi
    unset _kvsops_name _kvsops_old_PS1
    unset -f {leave}
}}
for _kvsops_name in {names}; do
    if eval "[ \\"\\${{$_kvsops_name+set}}\\" ]"; then
        eval "_kvsops_old_$_kvsops_name=\\"\\$$_kvsops_name\\""
    fi
done
unset {stray}
{exports}
export PATH={scripts}:"$PATH"
if [ "${{PS1+set}}" ]; then _kvsops_old_PS1=$PS1; PS1="{mark}$PS1"; fi
"""

_FISH: Final = """\
# The emulator of kvsops local at {endpoint_url}: source this file to use it in this shell.
# {leave} gives the shell back what it had.
functions -q {leave}; and {leave}
function {leave}
    for name in {names}
        set -l old _kvsops_old_$name
        if set -q $old
            set -gx $name $$old
            set -e $old
        else
            set -e $name
        end
    end
    functions -e fish_prompt
    functions -q _kvsops_fish_prompt; and functions -c _kvsops_fish_prompt fish_prompt
    functions -e _kvsops_fish_prompt
    functions -e {leave}
end
for name in {names}
    set -q $name; and set -g _kvsops_old_$name $$name
end
set -e {stray}
{exports}
set -gx PATH {scripts} $PATH
functions -q fish_prompt; and functions -c fish_prompt _kvsops_fish_prompt
function fish_prompt
    printf '%s' '{mark}'
    functions -q _kvsops_fish_prompt; and _kvsops_fish_prompt
end
"""


def posix_script(endpoint_url: str, values: Mapping[str, str], gone: Sequence[str]) -> str:
    """Return the file for bash, zsh, dash and the like: it sets the values, and unsets the rest."""
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())
    scripts = shlex.quote(scripts_directory())
    return _filled(_POSIX, endpoint_url, values, gone, exports=exports, scripts=scripts)


def fish_script(endpoint_url: str, values: Mapping[str, str], gone: Sequence[str]) -> str:
    """Return the file for fish: it sets the values, and unsets the rest."""
    exports = "\n".join(f"set -gx {name} {_fish_quoted(value)}" for name, value in values.items())
    scripts = _fish_quoted(scripts_directory())
    return _filled(_FISH, endpoint_url, values, gone, exports=exports, scripts=scripts)


def _filled(
    template: str, endpoint_url: str, names: Iterable[str], gone: Sequence[str], **filled: str
) -> str:
    return template.format(
        endpoint_url=endpoint_url,
        leave=LEAVE,
        mark=MARK,
        names=" ".join([*names, *gone, "PATH"]),
        stray=" ".join(gone),
        **filled,
    )


def _fish_quoted(text: str) -> str:
    """Quote a text as fish has it: within single quotes, only these two mean something."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
