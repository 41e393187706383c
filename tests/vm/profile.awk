# SPDX-License-Identifier: GPL-2.0
#
# awk -v symbols=KALLSYMS -v functions=FILE -f hex.awk -f profile.awk
#
# From addresses, one a line, to the source files of ours and the symbols that hold
# most of them. FILE has the name of each function of our modules and its file. User
# Mode Linux lives below 2^53, so that a double holds its addresses.

BEGIN {
	sort = "grep -i ' [tw] ' " symbols " | sort"
	while ((sort | getline line) > 0) {
		split(line, word, " ")
		at[++n] = hex(word[1])
		name[n] = word[3] (word[4] != "" ? " " word[4] : "")
	}
	close(sort)
	while ((getline line < functions) > 0) {
		split(line, word, " ")
		file[word[1]] = word[2]
	}
}

# where SYMBOL is from: a file of ours, another module, the kernel
function origin(symbol,    word, base)
{
	if (split(symbol, word, " ") < 2)
		return symbol == "(outside)" ? symbol : "the kernel itself"
	base = word[1]
	sub(/\..*/, "", base)		# .part.0, .constprop.0
	return base in file ? file[base] : word[2]
}

# percents TITLE ARRAY: the largest first
function percents(title, of,    name, out)
{
	out = "sort -k1,1nr | head -n 40"
	print "   %  " title
	fflush()
	for (name in of)
		printf "%5.1f  %s\n", 100 * of[name] / total, name | out
	close(out)
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
	for (s in count)
		from[origin(s)] += count[s]
	percents("source", from)
	print ""
	percents("symbol", count)
}
