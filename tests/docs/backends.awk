# Reads sources, of which `from` says whose options they name, then docs/backends.md and the pages of docs/backends; prints what differs. Two
# pages are not of a backend: they have sections of their own.

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

# knows_only({"sync", "plain"}), options{"largest"}: maybe of several lines.
function end_source(    count, quoted, i) {
  while (source != "wrappers" && match(text, /(knows_only\(|options|name :) ?\{[^}]*\}/)) {
    count = split(substr(text, RSTART, RLENGTH), quoted, "\"")
    text = substr(text, RSTART + RLENGTH)
    for (i = 2; i < count; i += 2) read[source, quoted[i]] = 1
  }
  text = ""
}

function end_page() {
  if (page == "" || !is_of_backend(page)) return
  if (sections != wanted) wrong(path ": has the sections" sections ", and should have" wanted)
}

BEGIN {
  wanted = " What it is for, Example, Facts, Options, How it stores, What is durable, Limits and errors, Performance, How it was tried,"
}

from == "traits" && (/\.scheme = "/ || /[=] detail::[a-z0-9]+_under\(/) && match($0, /"[a-z0-9]+"/) {
  schemes[substr($0, RSTART + 1, RLENGTH - 2)] = 1
}
from == "wrappers" && /^ *\{"[a-z0-9]+", \{.*\}, wrap_/ {  # {"cache", {"bytes", "ms"}, wrap_cache},
  count = split($0, quoted, "\"")
  read[from, quoted[2]] = 1
  for (i = 4; i < count; i += 2) read[from, quoted[2] "." quoted[i]] = 1
}
from != "" {
  if (FNR == 1) end_source()
  source = from
  text = text " " $0
  next
}

FNR == 1 {
  end_source()
  end_page()
  path = FILENAME
  page = path ~ /docs\/backends\.md$/ ? "" : page_of(path)
  if (page != "") pages[page] = 1
  section = ""
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
