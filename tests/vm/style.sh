#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# style.sh ROOT: checkpatch over the kernel code, SPDX lines, shellcheck and
# codespell over the rest. ROOT is the guest root, which has the tools; a tool of
# the host's is used where there is one.

set -u
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
root=$1
bad=0

complain() { printf '%s\n' "$@"; bad=1; }

files() { git ls-files --cached --others --exclude-standard -- "$@"; }

# Left out everywhere, because it cannot apply outside of the kernel's tree:
#   FILE_PATH_CHANGES	there is no MAINTAINERS file to update
#   LINUX_VERSION_CODE	modules that are built for several kernels may need it
#   SPDX_LICENSE_TAG	checked below for all files (checkpatch wants the licence
#			texts of the kernel's tree beside it)
#   EMBEDDED_FILENAME	looks at the path that checkpatch was given
#   UNCOMMENTED_DEFINITION	wants a comment on the line of each lock; ours are in
#			the kernel-doc of the structure, which it does not read
readonly IGNORE=FILE_PATH_CHANGES,LINUX_VERSION_CODE,SPDX_LICENSE_TAG,EMBEDDED_FILENAME,UNCOMMENTED_DEFINITION

# checkpatch knows that user space has no BIT() and trace headers have a syntax
# of their own by their paths in the kernel's tree, which are others here.
readonly IGNORE_ABI=BIT_MACRO
readonly IGNORE_TRACE=COMPLEX_MACRO,MACRO_ARG_REUSE,MACRO_ARG_PRECEDENCE,OPEN_ENDED_LINE,SPACING,TRAILING_SEMICOLON,PARENTHESIS_ALIGNMENT

# exceptions FILE: types that tests/vm/checkpatch.exceptions allows in FILE
exceptions()
{
	awk -v file="$1" '$1 == file { printf ",%s", $2 }' tests/vm/checkpatch.exceptions
}

check_kernel_style()
{
	local script=$root/usr/src/prxe-checkpatch/scripts/checkpatch.pl file ignore out

	for file in $(files 'kernel/*.c' 'kernel/*.h'); do
		[ -e "$file" ] || continue
		ignore=$IGNORE$(exceptions "$file")
		case $file in
		*/include/uapi/*|*-abi.h) ignore+=,$IGNORE_ABI ;;
		*/trace.h|*_trace.h|*-trace.h) ignore+=,$IGNORE_TRACE ;;
		esac
		out=$(perl "$script" --strict --no-tree --no-summary --terse --show-types \
			--ignore "$ignore" --max-line-length=100 --file "$file") ||
			complain "$out"
	done
}

check_spdx()
{
	local file

	for file in $(files); do
		[ -f "$file" ] || continue
		case $file in
		COPYING|LICENSE*|*.png|*.svg|*.json|debian/*) continue ;;
		esac
		head -n 4 "$file" | grep -q 'SPDX-License-Identifier: ' ||
			complain "$file: no SPDX line"
	done
}

check_shell()
{
	local file
	local -a scripts=()

	command -v shellcheck >/dev/null || {
		DEBIAN_FRONTEND=noninteractive apt-get -y -q install --no-install-recommends \
			shellcheck >/dev/null 2>&1 || { echo "no shellcheck here, left out"; return; }
	}
	for file in $(files); do
		[ -f "$file" ] || continue
		case $(head -c 64 "$file" | head -n 1 | tr -d '\0') in
		'#!/bin/sh'*|'#!/bin/bash'*) scripts+=("$file") ;;
		esac
	done
	# SC1091: a sourced file that exists in the guest only.
	shellcheck -x -S warning -e SC1091 "${scripts[@]}" || bad=1
}

check_spelling()
{
	local -a words

	mapfile -t words < <(files '*.md' '*.c' '*.h' '*.sh' '*.py' '*.cmake')
	chroot "$root" codespell --version >/dev/null 2>&1 || return 0
	if command -v codespell >/dev/null; then
		codespell -q 3 "${words[@]}" || bad=1
	else
		tar -cf - -- "${words[@]}" | chroot "$root" sh -c '
			dir=$(mktemp -d) && trap "rm -rf $dir" EXIT &&
			cd "$dir" && tar -xf - && codespell -q 3 .' || bad=1
	fi
}

check_kernel_style
check_spdx
check_shell
check_spelling
((bad)) || echo "style: nothing to complain of"
exit "$bad"
