# Reads a list of required names, "code NAME", "call CLASS NAME" or "test SUITE.NAME" a line, and then docs/errors.md; prints what
# is missing: a code or a call, a note that a table names, a table for a note, a cell of a row, a test; and rows of nonexistent
# calls. A call is covered if it has a row, or if the text above the first table of its section names it.

FILENAME == "-" { wanted[$0] = 1; if ($1 == "call") sections[$2] = 1; next }
/^## / { end_section(); section = $2; above = 1 }
/^\|/ {
  above = 0
  cells = split($0, cell, "|") - 2
  columns = previous ~ /^\|/ ? columns : cells
  if (cells != columns) complain("a row of " cells " cells in a table of " columns ": " $0)
  for (i = 3; i <= cells + 1; i++) {
    if (cell[i] ~ /^[ 0-9,]*$/) {
      count = split(cell[i], number, /[ ,]+/)
      for (j = 1; j <= count; j++) if (number[j] != "") named[number[j]] = 1
    }
  }
  if (section == "" && match(cell[2], /`[a-z_]+`/)) has["code " substr(cell[2], RSTART + 1, RLENGTH - 2)] = 1
}
/^\|/ && section in sections {
  calls = cell[2]
  while (match(calls, /`[a-z_]+`/)) {
    call = "call " section " " substr(calls, RSTART + 1, RLENGTH - 2)
    calls = substr(calls, RSTART + RLENGTH)
    if (!(call in wanted)) complain("there is no " call)
    has[call] = 1
  }
}
/^[0-9]+\. / { noted[$1 + 0] = 1 }
{
  previous = $0
  line = $0
  while (match(line, /`[^`]+`/)) {
    word = substr(line, RSTART + 1, RLENGTH - 2)
    line = substr(line, RSTART + RLENGTH)
    if (above) has["call " section " " word] = 1
    if (word ~ /^[A-Z][A-Za-z0-9]*\.[A-Z][A-Za-z0-9]*$/) tests[word] = 1
  }
}

function complain(text) {
  print "docs/errors.md: " text
  failed = 1
}

function end_section(    number) {
  for (number in named) if (!(number in noted)) complain(section ": a table names note " number ", which is not there")
  for (number in noted) if (!(number in named)) complain(section ": no table names note " number)
  delete named
  delete noted
}

END {
  end_section()
  for (one in wanted) {
    if (one ~ /^test /) continue
    if (!(one in has)) complain("lacks the " one)
    total++
  }
  for (test in tests) {
    if (!(("test " test) in wanted)) complain("there is no test " test)
    shown++
  }
  if (total < 15 || shown == 0) complain("little to look for: are these the headers and the tests?")
  if (!failed) print total " codes and calls are there, " shown " tests are named"
  exit failed
}
