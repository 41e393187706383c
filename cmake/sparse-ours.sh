#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# sparse-ours.sh DIR SPARSE-ARGUMENT...: run sparse; print and fail on what it
# says of files below DIR. What it says of the kernel's headers is not ours.

dir=$1
shift
sparse "$@" 2>&1 | {
	status=0
	while IFS= read -r line; do
		case $line in
		"$dir"/*|*error:*)
			printf '%s\n' "$line" >&2
			status=1
			;;
		esac
	done
	exit "$status"
}
