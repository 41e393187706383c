#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# sparse-ours.sh DIR SPARSE-ARGUMENT...: run sparse; print and fail on what it
# says of files below DIR. What it says of the kernel's headers is not ours, nor
# is what this sparse says because it is old: "bad constant expression" of every
# MODULE_*() line, and, as __typeof_unqual__ becomes __typeof__, "different
# modifiers" of get_unaligned() (a dropped const is the compiler's to find).

dir=$(cd "$1" && pwd -P)
shift
sparse -D__typeof_unqual__=__typeof__ "$@" 2>&1 | {
	status=0 old=
	while IFS= read -r line; do
		case $line in
		*"bad constant expression"*) continue ;;
		# of a file that includes another: what was said of that stands alone
		*": note: in included file"*) continue ;;
		*"(different modifiers)"*) old=yes; continue ;;
		*":    expected "*|*":    got "*) [ -z "$old" ] || continue ;;
		*) old= ;;
		esac
		case $line in
		*error:*) ;;
		*)
			path=$(readlink -f "${line%%:*}")
			case $path in
			"$dir"/*) ;;
			*) continue ;;
			esac
			;;
		esac
		printf '%s\n' "$line" >&2
		status=1
	done
	exit "$status"
}
