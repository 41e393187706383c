# SPDX-License-Identifier: GPL-2.0
#
# awk -v known=tests/vm/leaks.known -v modules="$(cat /proc/modules)" \
#	-f hex.awk -f leaks.awk /sys/kernel/debug/kmemleak
#
# Print a kmemleak report without the known leaks; exit 0 when something is left.
# Addresses in modules that have been unloaded since are printed as module+offset,
# for addr2line -f -j .text -e MODULE.ko OFFSET.

BEGIN {
	while ((getline line < known) > 0)
		if (line !~ /^#/ && line != "")
			expected[line]
	n = split(modules, lines, "\n")
	for (i = 1; i <= n; i++) {
		split(lines[i], word, " ")
		name[i] = word[1]
		size[i] = word[2]
		base[i] = low(word[6])
		high[i] = top(word[6])
	}
}

# A 64-bit address is more than a number of awk holds: both halves apart.
function padded(text)
{
	sub(/^0x/, "", text)
	return substr("0000000000000000", 1, 16 - length(text)) text
}
function top(text) { return substr(padded(text), 1, 8) }
function low(text) { return hex(substr(padded(text), 9)) }

function named(address,    i, offset)
{
	for (i = 1; i <= n; i++) {
		offset = low(address) - base[i]
		if (top(address) == high[i] && offset >= 0 && offset < size[i])
			return sprintf("%s+0x%x", name[i], offset)
	}
	return address
}

# One object is over.
function tell()
{
	if (object != "" && !skip) {
		printf "%s", object
		found = 1
	}
	object = ""
	skip = 0
}

/^unreferenced / { tell() }

# newer kernels print a frame as an address alone, older ones a hash before it
/^[ \t]+(\[<[0-9a-f]+>\] )?0x[0-9a-f]+$/ {
	object = object "    " named($NF) "\n"
	next
}

{
	object = object $0 "\n"
	frame = $NF ~ /^\[/ ? $(NF - 1) : $NF
	sub(/\+0x.*/, "", frame)
	if (frame in expected)
		skip = 1
}

END {
	tell()
	exit !found
}
