# SPDX-License-Identifier: GPL-2.0
#
# awk -v known=tests/vm/leaks.known -v modules=/proc/modules [-v times=FILE] \
#	-f hex.awk -f leaks.awk /sys/kernel/debug/kmemleak
#
# Print a kmemleak report without the known leaks; exit 0 when something is left.
# Addresses in modules are printed as module+offset, for
# addr2line -f -j .text -e MODULE.ko OFFSET.
#
# A line of FILE is "JIFFIES NAME MODULES": from JIFFIES on, NAME ran, and MODULES is
# the list of those that it had, which may be gone. Each line of the report then
# begins with the NAME, a tab behind it, that an object is of.

BEGIN {
	while ((getline line < known) > 0)
		if (line !~ /^#/ && line != "")
			expected[line]
	if (times == "")
		load(modules)
	else
		while ((getline line < times) > 0) {
			split(line, word, " ")
			since[++tests] = word[1]
			test[tests] = word[2]
			list[tests] = word[3]
		}
}

function load(file,    line, word)
{
	if (file == loaded)
		return
	loaded = file
	n = 0
	while ((getline line < file) > 0) {
		split(line, word, " ")
		name[++n] = word[1]
		size[n] = word[2]
		base[n] = low(word[6])
		high[n] = top(word[6])
	}
	close(file)
}

# Whose object is it that was made at this time? What came before all is the first's.
function attribute(jiffies,    i)
{
	if (times == "")
		return
	for (i = tests; i > 1 && since[i] > jiffies; i--)
		;
	prefix = test[i] "\t"
	load(list[i])
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
function tell(    i)
{
	if (lines && !skip) {
		for (i = 1; i <= lines; i++)
			print prefix text[i]
		found = 1
	}
	lines = 0
	skip = 0
}

/^unreferenced / { tell() }

/jiffies [0-9]+/ {
	attribute(substr($0, match($0, /jiffies [0-9]+/) + 8) + 0)
}

# newer kernels print a frame as an address alone, older ones a hash before it
/^[ \t]+(\[<[0-9a-f]+>\] )?0x[0-9a-f]+$/ {
	text[++lines] = "    " named($NF)
	next
}

{
	text[++lines] = $0
	frame = $NF ~ /^\[/ ? $(NF - 1) : $NF
	sub(/\+0x.*/, "", frame)
	if (frame in expected)
		skip = 1
}

END {
	tell()
	exit !found
}
