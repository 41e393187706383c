# SPDX-License-Identifier: GPL-2.0
#
# hex(TEXT): the number; exact up to 2^53.

function hex(text,    i, value)
{
	value = 0
	for (i = 1; i <= length(text); i++)
		value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
	return value
}
