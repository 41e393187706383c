# SPDX-License-Identifier: GPL-2.0
#
# awk -v symbols=KALLSYMS -f hex.awk -f profile.awk
#
# From addresses, one a line, to the symbols that hold most of them. User Mode
# Linux lives below 2^53, so that a double holds its addresses.

BEGIN {
	sort = "grep -i ' [tw] ' " symbols " | sort"
	while ((sort | getline line) > 0) {
		split(line, word, " ")
		at[++n] = hex(word[1])
		name[n] = word[3] (word[4] != "" ? " " word[4] : "")
	}
	close(sort)
}

# the last symbol at or before an address
function symbol(address,    low, high, mid)
{
	low = 0
	high = n + 1
	while (high - low > 1) {
		mid = int((low + high) / 2)
		if (at[mid] <= address)
			low = mid
		else
			high = mid
	}
	# far behind the last one: not the kernel's
	return low && address - at[low] < 1048576 ? name[low] : "(outside)"
}

NF {
	count[symbol(hex($1))]++
	total++
}

END {
	if (!total) {
		print "no samples"
		exit 1
	}
	out = "sort -k1,1nr | head -n 40"
	print "   %  symbol"
	for (s in count)
		printf "%5.1f  %s\n", 100 * count[s] / total, s | out
}
