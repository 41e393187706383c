#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# style.sh: checkpatch over the kernel code, SPDX lines, shellcheck and codespell
# over the rest, lockless accesses against the list of them, the tests that the rules
# for dma-bufs name. Runs in the guest root, which has the tools:
#
#   ./vm style

set -u
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
readonly CHECKPATCH=/usr/src/prxe-checkpatch/scripts/checkpatch.pl
bad=0

complain() { printf '%s\n' "$@"; bad=1; }

# files NAME-PATTERN...: the tree's files, without what is built
files()
{
	local pattern
	local -a names=()

	for pattern in "$@"; do
		names+=(-o -name "$pattern")
	done
	find . \( -path ./.git -o -path ./build -o -name __pycache__ -o -name '.checkpatch*' \) -prune -o \
		-type f \( "${names[@]:1}" \) -print | sed 's|^\./||' | sort
}

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
	local file ignore out

	for file in $(files '*.[ch]' | grep '^kernel/'); do
		ignore=$IGNORE$(exceptions "$file")
		case $file in
		*/include/uapi/*|*-abi.h) ignore+=,$IGNORE_ABI ;;
		*/trace.h|*_trace.h|*-trace.h) ignore+=,$IGNORE_TRACE ;;
		esac
		out=$(perl "$CHECKPATCH" --strict --no-tree --no-summary --terse --show-types \
			--ignore "$ignore" --max-line-length=100 --file "$file") ||
			complain "$out"
	done
}

check_spdx()
{
	local file

	while IFS= read -r file; do
		case $file in
		COPYING|LICENSE*|*.png|*.svg|*.json) continue ;;
		# mails; the files that they make have one
		kernel/upstream/*.patch) continue ;;
		esac
		head -n 4 "$file" | grep -q 'SPDX-License-Identifier: ' ||
			complain "$file: no SPDX line"
	done < <(files '*')
}

check_shell()
{
	local file
	local -a scripts=()

	while IFS= read -r file; do
		case $(head -c 64 "$file" | tr -d '\0' | head -n 1) in
		'#!/bin/sh'*|'#!/bin/bash'*) scripts+=("$file") ;;
		esac
	done < <(files '*')
	# SC1091: a sourced file that exists in the guest only. SC2319: $? of a
	# condition is what a test of that condition wants.
	shellcheck -x -S warning -e SC1091,SC2319 "${scripts[@]}" || bad=1
}

check_spelling()
{
	local -a texts

	mapfile -t texts < <(files '*.md' '*.[ch]' '*.sh' '*.py' '*.cmake' '*.test' '*.txt')
	codespell -q 3 -L filp,fro,renderd "${texts[@]}" || bad=1
}

check_kernel_style
check_spdx
check_shell
check_spelling
python3 tests/vm/lockless.py || bad=1
python3 tests/vm/named_tests.py || bad=1
((bad)) || echo "style: nothing to complain of"
exit "$bad"
