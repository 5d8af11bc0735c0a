# Reads what the sources have, "scheme NAME" or "option PAGE NAME" a line, then docs/backends.md and the pages of docs/backends; prints what
# differs. Two pages are not of a backend: they have sections of their own.

function wrong(text) { print text; failed++ }
function page_of(path) { sub(/.*\//, "", path); sub(/\.md$/, "", path); return path }
function scheme(row) { sub(/^\| `/, "", row); sub(/:.*/, "", row); return row }
function is_of_backend(page) { return page != "common" && page != "wrappers" }

# Each word between backquotes that fits; without what stands in front of its last dot.
function note_options(cell, pattern, before,    word) {
  while (match(cell, pattern)) {
    word = substr(cell, RSTART + 1, RLENGTH - 2)
    cell = substr(cell, RSTART + RLENGTH)
    sub(/.*\./, "", word)
    shown[page, before word] = 1
    options++
  }
}

function end_page() {
  if (page == "" || !is_of_backend(page)) return
  if (sections != wanted) wrong(path ": has the sections" sections ", and should have" wanted)
}

BEGIN {
  wanted = " What it is for, Example, Facts, Options, How it stores, What is durable, Limits and errors, Performance, How it was tried,"
}

FILENAME == "-" && $1 == "scheme" { schemes[$2] = 1; next }
FILENAME == "-" { read[$2, $3] = 1; next }

FNR == 1 {
  end_page()
  path = FILENAME
  page = path ~ /docs\/backends\.md$/ ? "" : page_of(path)
  if (page != "") pages[page] = 1
  sections = ""
  fenced = 0
}
/^```/ { fenced = !fenced; if (section == "Example" && /^```cpp$/) examples[page] = 1; next }
fenced { next }
/^## / { section = substr($0, 4); sections = sections " " section ","; lines = 0; next }

page == "" {
  if (/^\| URL \|/) header = $0
  if (/^\| `[a-z0-9]+:.*` \| (stable|preview) \|/) row[scheme($0)] = $0
  rest = $0
  while (match(rest, /\(backends\/[a-z0-9_]+\.md/)) {
    linked[page_of(substr(rest, RSTART + 1, RLENGTH - 1))] = 1
    rest = substr(rest, RSTART + RLENGTH)
  }
  next
}

section == "Facts" && /^\|/ {
  lines++
  if (lines == 1 && $0 != header) wrong(path ": the first line of its facts is not that of the table in docs/backends.md")
  if (lines < 3) next
  name = scheme($0)
  if (!(name in row)) wrong(path ": docs/backends.md has no row of " name ":")
  else if ($0 != row[name]) wrong(path ": the row of " name ": is another one than in docs/backends.md")
  else if (name in of_page) wrong(path ": " of_page[name] ".md has the row of " name ":, too")
  of_page[name] = page
}
/^\| / && ((section == "Options" && is_of_backend(page)) || (page == "common" && section == "TLS")) {
  split($0, cells, "|")
  note_options(cells[2], "`[a-z0-9_.]+=", "")
}
/^\| / && page == "wrappers" && section == "The wrappers" {
  split($0, cells, "|")
  gsub(/[ `]/, "", cells[2])
  if (cells[2] !~ /^[a-z0-9]+$/ || cells[2] == "wrapper") next
  shown[page, cells[2]] = 1
  note_options(cells[3], "`[a-z_]+`", cells[2] ".")
}

END {
  end_page()
  for (name in schemes) {
    if (!(name in row)) wrong("docs/backends.md: its table has no row of " name ":")
    else if (!(name in of_page)) wrong("docs/backends: no page has the row of " name ":")
  }
  for (name in row) if (!(name in schemes)) wrong("docs/backends.md: there is no backend " name ":")
  for (name in pages) {
    if (!(name in linked)) wrong("docs/backends.md: has no link to backends/" name ".md")
    if (is_of_backend(name) && !(name in examples)) wrong("docs/backends/" name ".md: its example has no code")
  }
  for (one in read) {
    split(one, part, SUBSEP)
    if (!(one in shown)) wrong("docs/backends/" part[1] ".md: lacks the option " part[2])
  }
  for (one in shown) {
    split(one, part, SUBSEP)
    if (!(one in read)) wrong("docs/backends/" part[1] ".md: has the option " part[2] ", which no source reads")
  }
  if (options < 20) wrong("few options were found: are these the pages of backends?")
  if (failed == 0) print "the pages of backends have their rows, and " options " options"
  exit failed != 0
}
