# SPDX-License-Identifier: GPL-2.0
#
# awk -v patterns=FILE [-v allow=REGEX] -f splats.awk LOG
#
# Print the kernel complaints of a log; exit 0 when there are any. `allow` is a
# pattern of complaints that the running test provokes. Lines between the test
# runner's marks "prxe-test: begin" and "prxe-test: end" are left out, unless
# -v window=1 asks for exactly the part after the last begin mark.

BEGIN {
	while ((getline line < patterns) > 0)
		if (line !~ /^#/ && line != "")
			pattern[++n] = line
	if (n == 0) {
		print "no patterns in " patterns
		exit 0
	}
}

{
	text = $0
	sub(/\r$/, "", text)
	bare = text
	# "[   12.345678] " or "[   12.345678][  T123] ", with a level before it or not
	sub(/^(<[0-9]+>)?\[ *[0-9]+\.[0-9]+\](\[ *[TC][0-9]+\])? ?/, "", bare)
}

bare ~ /^prxe-test: begin / { judged = 1; held = 0; mark = bare }
bare ~ /^prxe-test: end / { judged = 0; held = 0 }

{
	hit = 0
	for (i = 1; i <= n; i++)
		if (bare ~ pattern[i]) {
			hit = 1
			break
		}
	if (hit && allow != "" && bare ~ allow)
		hit = 0
	if (judged && !window) {
		# Judged by the runner; but when no end mark follows, the guest died.
		if (hit || held)
			keep[++held] = text
		next
	}
	if (hit && !found++) {
		for (i = before; i > 0; i--)
			print "  " last[i]
		left = 60
	} else if (hit && left <= 0) {
		print "  also: " text
	}
	if (left > 0) {
		print "  " text
		left--
	}
	for (i = 2; i > 1; i--)
		last[i] = last[i - 1]
	last[1] = text
	before = before < 2 ? before + 1 : 2
}

END {
	if (judged && !window && held) {
		found++
		print "  (during " substr(mark, 18) ")"
		for (i = 1; i <= held && i <= 80; i++)
			print "  " keep[i]
	}
	exit found ? 0 : 1
}
