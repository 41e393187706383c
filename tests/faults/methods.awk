# SPDX-License-Identifier: GPL-2.0
#
# awk -f methods.awk FILE.c... : what the kernel or an importer can call of our
# modules, one a line: the functions in tables of operations as TABLE.MEMBER,
# exported symbols, debugfs files, and what runs when a module is loaded.

BEGIN {
	kinds = "(ops|funcs?|driver|operations|operations_struct|notifier_block)"
	opens = "^(static )?(const )?struct [a-z0-9_]*" kinds " [a-z0-9_]+ = [{]$"
}

$0 ~ opens {
	table = $(NF - 2)
	next
}

/^\};/ { table = "" }

# A member that is a function, not a constant, an array or another table.
table != "" && /^\t\.[a-z0-9_]+ = [a-z][a-z0-9_]*,$/ && $3 !~ /^(true|false|[a-z_]*_(ids|groups)),$/ {
	print table $1
}

/^EXPORT_SYMBOL(_NS)?(_GPL)?\(/ || /^module_init\(/ {
	sub(/^[A-Za-z_]*\(/, "")
	sub(/[,)].*/, "")
	print
}

/^DEFINE_SHOW_(STORE_)?ATTRIBUTE\(/ {
	store = /STORE/
	sub(/^[A-Z_]*\(/, "")
	sub(/\).*/, "")
	print $0 ".show"
	if (store)
		print $0 ".write"
}

/^DEFINE_DEBUGFS_ATTRIBUTE\(/ {
	sub(/^[A-Z_]*\(/, "")
	sub(/,.*/, "")
	print $0 ".get"
	print $0 ".set"
}
